"""A file of HL7 messages as the records of a laboratory: one for each observation, its columns named by address.

    OBX-5      the value as its type says (OBX-2): of a coded one the text, of SN `<^137` as it stands
    NTE-3      the notes of the observation
    others     as they stand (`cmvmon.feeds.hl7.message`), of the observation, its order, specimen, patient or message

What the texts mean says the laboratory file. An order without an observation is a record too: it may be cancelled. A message
that can't be read, or is not read, is one record with its reason, and the others go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cmvmon.domain.delivered import BY_LABORATORY, WHOLE_DELIVERY
from cmvmon.feeds.hl7.batches import Batches
from cmvmon.feeds.hl7.message import Address, Message, Several, address_of
from cmvmon.feeds.hl7.movements import PERSONS
from cmvmon.feeds.hl7.notes import notes_of
from cmvmon.feeds.hl7.orders import READ, Observation, SpecimenOutOfPlace, observations
from cmvmon.feeds.hl7.parsing import Unread, parsed, patient_of
from cmvmon.feeds.hl7.reader import OfBatch, RawMessage, Reader, Stray, TooLong
from cmvmon.feeds.hl7.table_records import TablesTold, under_columns
from cmvmon.feeds.hl7.tables_told import contradicts, is_order_alone, kind_of
from cmvmon.feeds.hl7.values import value_text
from cmvmon.feeds.records import Expected, Fault, Record, Records, TextsWhenAsked, Unclear, Writing, refusal
from cmvmon.feeds.told_records import OfTable

MOST_MESSAGES = 200_000
AT_ONCE = 10_000  # records that are held as Python objects at one time
(RESULTS,) = BY_LABORATORY  # the table that comes in a laboratory's words
_VALUE = Address("OBX", 5)
_PIECE = 1 << 16  # bytes
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_UTF_8_MARK = b"\xef\xbb\xbf"
_KEPT_OF_PATIENT = {f"PID-{n}": Address("PID", n) for n in (2, 3, 4, 18)}  # names and addresses stay in the landing
_BORN_AT, _BORN = "PID-7", Address("PID", 7, component=1)
_NAMES_OF_TESTS = (Address("OBX", 3), Address("OBR", 4))


@dataclass(frozen=True)
class OfMessages(Records):
    """Records with what each is read from, by number."""

    observations: Mapping[int, Observation] = field(default_factory=dict)


@dataclass
class _Reading:
    """The records of one table since the last part."""

    records: list[Record] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    observations: dict[int, Observation] = field(default_factory=dict)

    def part(self) -> OfMessages:
        """What was read, as one part."""
        texts = TextsWhenAsked(self.texts, self.observations, _text)
        ignored = frozenset(self.ignored)
        notes, births = (TextsWhenAsked({}, self.observations, of) for of in (notes_of, _birth))
        return OfMessages(
            (), tuple(self.records), self.faults, texts, ignored, self.names, notes, births, _BORN_AT, self.observations
        )


def read_hl7(data: bytes, writing: Writing) -> Iterator[tuple[str, Records]]:
    """Records of results by observation; under `WHOLE_DELIVERY` the messages that hold no results.

    Raises:
        DeliveryError: `empty_file`, `wrong_encoding`, `no_message`, `cut_off`, `wrong_count`, `trailing_data` or
            `too_many_messages`. It may come after parts were given: nothing of these may then be used.
    """
    file = _File(writing, hashlib.sha256(data).hexdigest())
    parts: dict[str, _Reading] = {RESULTS: _Reading(), WHOLE_DELIVERY: _Reading()}
    for event in _events(data):
        file.take(event, parts)
        for table, reading in parts.items():
            if len(reading.records) >= AT_ONCE:
                yield table, reading.part()
                parts[table] = _Reading()
    file.batches.end()
    if not file.n_messages:
        raise refusal("no_message", "no line begins with MSH")
    yield from file.told.parts()
    for table, reading in parts.items():
        if reading.records:
            yield table, reading.part()


def _events(data: bytes) -> Iterator[RawMessage | OfBatch | Stray | TooLong]:
    if not data.strip():
        raise refusal("empty_file", f"{len(data)} bytes were found, none of them text")
    if data.startswith(_WIDE):
        raise refusal("wrong_encoding", "the file starts with the byte order mark of UTF-16 or UTF-32")
    reader = Reader()
    for start in range(len(_UTF_8_MARK) if data.startswith(_UTF_8_MARK) else 0, len(data), _PIECE):
        reader.receive(data[start : start + _PIECE])
        yield from reader.events()
    reader.end()
    yield from reader.events()


class _File:
    """One file while it is read: numbers its records and knows its batches."""

    def __init__(self, writing: Writing, sha256: str) -> None:
        self.writing = writing
        self._sha256 = sha256
        self.batches = Batches()
        self.n_messages = 0
        self._number = 0
        self.told = TablesTold(writing.messages)
        self._unread_as = RESULTS if writing.messages.holds_results else WHOLE_DELIVERY

    def take(self, event: RawMessage | OfBatch | Stray | TooLong, parts: Mapping[str, _Reading]) -> None:
        """Adds what an event comes to."""
        if isinstance(event, OfBatch):
            self.batches.header_or_trailer(event)
            return
        if isinstance(event, Stray):
            self._unread(parts[WHOLE_DELIVERY], Unread("outside_a_message", event.line), b"")
            return
        self.n_messages += 1
        if self.n_messages > MOST_MESSAGES:
            raise refusal("too_many_messages", f"there are more than {MOST_MESSAGES} messages")
        self.batches.message(event.line)
        if isinstance(event, TooLong):
            code = "too_many_segments" if "segments" in event.limit else "message_too_long"
            self._unread(parts[self._unread_as], Unread(code, event.line), b"")
            return
        self._message(event, parts)

    def _message(self, raw: RawMessage, parts: Mapping[str, _Reading]) -> None:
        told = self.writing.messages
        body = b"\r".join(line.data for line in raw.lines)
        message = parsed(raw, encoding=self.writing.encoding, file_encoding_holds=told.file_encoding_holds)
        if not raw.is_whole and not told.end_may_lack:
            patient = message.patient if isinstance(message, Unread) else patient_of(message)
            message = Unread("cut_off_message", raw.lines[-1].number, patient)
        if isinstance(message, Unread):
            self._unread(parts[self._unread_as], message, body)
            return
        kind, code = kind_of(message), message.text("MSH-9.1")
        of_tables = self.told.tellers(kind)
        named = {"MSH-9": kind, "MSH-10": message.text("MSH-10")}
        why = None
        if kind not in READ and (kind in told.ignored or not of_tables):
            why = "order_is_no_dose" if is_order_alone(kind) else "message_type"
        elif contradicts(message):
            why = "contradicting_trigger"
        if why is not None:
            is_ignored = kind in told.ignored or (not of_tables and code in told.ignored)
            self._unread(parts[WHOLE_DELIVERY], Unread(why, raw.line), body, named, is_ignored=is_ignored)
            return
        purpose = message.text("MSH-11.1")  # HL7 2.5.1, 2.15.9.11: processing id
        if purpose and purpose not in told.processing:
            reading = parts[self._unread_as if kind in READ else WHOLE_DELIVERY]
            self._unread(reading, Unread("not_for_production", raw.line), body)
            return
        if not of_tables:
            self._results(message, parts[RESULTS], body)
            return
        n = self.told.add(message, kind, self._number)
        self._number += n
        if not n:  # of a person without a date of birth there is nothing to read, and nothing is wrong
            self._unread(
                parts[WHOLE_DELIVERY], Unread("nothing_told", raw.line), body, named, is_ignored=kind in PERSONS
            )

    def _results(self, message: Message, reading: _Reading, body: bytes) -> None:
        try:
            found = observations(message)
        except SpecimenOutOfPlace as error:
            self._unread(reading, Unread("specimen_out_of_place", error.line, patient_of(message)), body)
            return
        if not found:
            self._unread(reading, Unread("no_observation", message.header.line), body)
        for one in found:
            number = self._next(reading, one.line)
            reading.observations[number] = one
            reading.names[number] = " ".join(text for a in _NAMES_OF_TESTS if (text := _as_text(one.at(a))))

    def _unread(
        self,
        reading: _Reading,
        why: Unread,
        body: bytes,
        named: Mapping[str, str] = MappingProxyType({}),
        *,
        is_ignored: bool = False,
    ) -> None:
        number = self._next(reading, why.line)
        if is_ignored:
            reading.ignored.add(number)
        else:
            reading.faults[number] = Fault(why.code, None)
        # Its own words may be anybody's: it is known by its hash, and stands whole in the landing.
        if why.patient is not None:
            reading.observations[number] = Observation((), [], [], [why.patient], [])
        told: dict[str, object] = {"file_sha256": self._sha256, "line": why.line}
        if body:
            told = {"message_sha256": hashlib.sha256(body).hexdigest()}
        reading.texts[number] = json.dumps(told | dict(named), sort_keys=True, ensure_ascii=False)

    def _next(self, reading: _Reading, line: int) -> int:
        self._number += 1
        reading.records.append(Record(self._number, line, ()))
        return self._number


def with_addresses(records: Records, expected: Expected) -> Records:
    """The same records with a cell for each expected address.

    Raises DeliveryError (`no_hl7_address`) for a column that is none.
    """
    if isinstance(records, OfTable):
        return under_columns(records, expected)
    addresses = [address_of(name) for name in expected.columns]
    if None in addresses:
        wrong = ", ".join(name for name, found in zip(expected.columns, addresses, strict=True) if found is None)
        raise refusal("no_hl7_address", f"{wrong} can't be found in a message")
    of = records.observations if isinstance(records, OfMessages) else {}
    known = [address for address in addresses if address is not None]
    cells = {number: tuple(_cell(one, address) for address in known) for number, one in of.items()}
    return records.with_cells(expected.columns, cells)


def _cell(one: Observation, address: Address) -> str:
    if address == _VALUE:
        observation = one.first("OBX")
        return "" if observation is None else value_text(observation)
    found = one.at(address)
    return Unclear("several_values") if isinstance(found, Several) else found


def _birth(one: Observation) -> str:
    """The patient's date of birth as it stands; nothing where several are stated."""
    found = one.at(_BORN)
    return "" if isinstance(found, Several) else found


def _as_text(found: str | Several) -> str:
    return " ".join(found.texts) if isinstance(found, Several) else found


def _text(one: Observation) -> str:
    """What the record is made from, as JSON text: its segments as they stand, of the patient the numbers only.

    The header is not among them: a result that is sent again has another one, and is the same record.
    """
    segments = [*one.own, *one.order, *one.specimen]
    told = {name: [s.name + s.text for s in segments if s.name == name] for name in {s.name for s in segments}}
    patient = {name: text for name, address in _KEPT_OF_PATIENT.items() if (text := _as_text(one.at(address)))}
    return json.dumps({**told, **patient}, sort_keys=True, ensure_ascii=False)
