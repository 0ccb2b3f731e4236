"""The text of a drafted laboratory file. What stands in it of the sample: headers, and words that came of three patients or more."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cmvmon.feeds.cmv_names import sounds_like_cmv
from cmvmon.feeds.drafting.message_sample import OF_MESSAGES, read_message_sample
from cmvmon.feeds.drafting.sample import Sample, TimesRead, marks_of, read_excel_sample, read_sample, times_read
from cmvmon.feeds.drafting.vocabulary import Vocabulary
from cmvmon.feeds.drafting.words import LONGEST_CODE, Words, words_of
from cmvmon.feeds.formats import ONE_TABLE
from cmvmon.feeds.laboratory import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from cmvmon.feeds.masking import PATIENTS, shape
from cmvmon.feeds.value_grammar import PHRASE_MEANINGS, fold

_MOST_SHAPES = 5  # of times that are not read
_FORMS = {
    "csv": "the sample is a table of text",
    "excel": "the sample is a sheet",
    "hl7": "the sample holds messages of HL7",
    "fhir": "the sample holds resources of FHIR",
}
_ASK_OF_PLACES = {
    "patient_id": "; is it the number that the hospital knows the patient by?",
    "accession_number": "; does a correction carry the number of what it corrects?",
    "collected_at": "; is it when the sample was taken, and not when it was received?",
}


@dataclass
class _Text:
    """Lines of the file, and the keys of what was guessed in them."""

    lines: list[str] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)

    def guess(self, place: str, key: str, value: object, why: str) -> None:
        self.guessed.append(f"{place}{key}")
        self.lines.append(f"{key} = {_toml(value)}  # GUESS: {why}")

    def ask(self, key: str, like: str, question: str) -> None:
        self.lines.append(f"# {key} = {like}  # ASK: {question}")

    def say(self, *lines: str) -> None:
        self.lines += lines


def draft_laboratory(data: bytes, *, name: str, known: Vocabulary, form: str = ONE_TABLE) -> str:
    """A laboratory file of that name for a sample in that format (cmvmon.feeds.formats), as TOML text. Its `to_confirm` names
    every guess: the intake refuses the file until the list is empty. What the sample can't say is left out, with the question to ask.

    Raises DeliveryError where the sample can't be read, or does not say where patients and values stand.
    """
    if form in OF_MESSAGES:
        sample = read_message_sample(data, form)
    else:
        sample = read_excel_sample(data, known) if form == "excel" else read_sample(data, known)
    words = words_of(sample, known)
    text = _Text()
    _writing(text, sample, name)
    _messages(text, sample)
    _columns(text, sample)
    _numbers(text, sample)
    _mapped(text, "[units.delivered]", "units.delivered.", words.get("unit"), known.units)
    _mapped(text, "[specimens]", "specimens.", words.get("specimen"), known.specimens)
    if "test" in words:
        _tests(text, words["test"], is_of_messages=sample.is_of_messages)
    if sample.is_of_messages:
        text.say(
            "",
            "# A status is read as its standard has it: [status.delivered] only for what the laboratory means otherwise.",
        )
    else:
        _statuses(text, words.get("result_status"), known)
    _values(text, words.get("value"), known)
    _notes(text, sample)
    _assays(text, words.get("assay"))
    head = (
        f"# DRAFT of labs/{name}.toml from a sample of {sample.records} records. Nothing in it is active:",
        "# cmvmon refuses this file until `to_confirm` is gone.",
        "# Confirm each GUESS with the laboratory, take its key off the list, answer each ASK, and delete the list when it is empty.",
        f"# A word stands here only where {PATIENTS} patients have it, with a digit only as a code or a unit; the rest is counted.",
        "to_confirm = [",
        *(f"    {_toml(key)}," for key in text.guessed),
        "]",
    )
    return "\n".join((*head, *text.lines)) + "\n"


def _writing(text: _Text, sample: Sample, name: str) -> None:
    text.say(f"laboratory = {_toml(name)}")
    text.ask("description", '"Laboratory of ..."', "which laboratory this is, in words")
    text.guess("", "format", sample.form, _FORMS[sample.form])
    text.guess("", "synthetic", False, "true where the data are made up")
    text.ask("time_zone", '"Europe/Amsterdam"', "in which zone are times without an offset?")
    if sample.form == "csv":
        text.guess("", "separator", sample.separator, "the headers are known under it")
    if sample.form != "excel":
        why = (
            "every byte can be read so"
            if sample.encoding == "utf-8"
            else "it is not UTF-8; iso-8859-1 and -15 look alike"
        )
        text.guess("", "encoding", sample.encoding, why)
    if sample.lines_above_header:
        text.guess("", "lines_above_header", sample.lines_above_header, "so many lines stand above the header")
    if sample.is_of_messages:
        pattern = "hl7" if sample.form == "hl7" else "iso8601"
        text.guess("", "time_formats", [pattern], "as the standard writes them; a date alone is set apart")
        return
    read = times_read([*_times(sample, "collected"), *_times(sample, "reported")])
    if read.alike or read.odd or read.impossible or not read.formats:
        like = _toml(list(read.formats or ("%d-%m-%Y %H:%M",)))
        text.ask("time_formats", like, f"how are times written? {_unread(read)}")
    else:
        text.guess("", "time_formats", list(read.formats), f"reads all {read.n_cells} times of the sample")


def _times(sample: Sample, of: str) -> Iterable[str]:
    """The times of sampling, or of reporting; date and time are joined where they stand in two columns, as the reader joins them."""
    days, hours = sample.cells.get(f"{of}_at", ()), sample.cells.get(f"{of}_time", ())
    return [f"{day.strip()} {hour.strip()}".strip() for day, hour in zip(days, hours, strict=True)] if hours else days


def _messages(text: _Text, sample: Sample) -> None:
    """What came beside results."""
    if sample.is_of_messages and sample.beside:
        text.say("", "[messages]")
        text.guess("messages.", "ignored", sample.beside, "they hold no results; counted, not read")


def _unread(read: TimesRead) -> str:
    """Of how many cells the form is not known, and their shapes; no cell is told."""
    said = [
        f"in {len(cells)} of {read.n_cells} times {why}: {_shapes(cells)}"
        for cells, why in (
            (read.alike, "day and month can't be told apart"),
            (read.odd, "the form is another one"),
            (
                read.impossible,
                "the form is one that is read, and the day or the hour does not exist (as 31-11 or 25:00; ask the sender)",
            ),
        )
        if cells
    ]
    rest = (
        [f"what stands here reads the other {n}"]
        if (n := read.n_cells - len(read.alike) - len(read.odd) - len(read.impossible)) and said
        else []
    )
    return "; ".join((*said, *rest)) if said else "The sample holds no time"


def _shapes(cells: Sequence[str]) -> str:
    shapes = (shape(cell, longest=LONGEST_CODE) for cell in cells)
    counted = Counter("".join(c if c.isprintable() else "?" for c in one) for one in shapes).most_common()
    more = len(counted) - _MOST_SHAPES
    return ", ".join(f"{told} ({n})" for told, n in counted[:_MOST_SHAPES]) + (f" and {more} more" if more > 0 else "")


def _columns(text: _Text, sample: Sample) -> None:
    text.say("", "[columns]")
    for of in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
        if of in sample.columns:
            text.guess("columns.", of, sample.columns[of], _why_there(sample, of))
        elif of in REQUIRED_COLUMNS:
            text.ask(of, '"..."', "which column is it?")
    if sample.others:
        text.say(f"# Headers that are not known here, and not read: {', '.join(map(_toml, sample.others))}")


def _why_there(sample: Sample, of: str) -> str:
    if not sample.is_of_messages:
        return "by the name of the header"
    n = sum(bool(cell.strip()) for cell in sample.cells[of])
    more = _ASK_OF_PLACES.get(of, "")
    return f"filled in {n} of {sample.records} records{more}"


def _numbers(text: _Text, sample: Sample) -> None:
    text.say("", "[numbers]")
    decimal, thousands = marks_of(sample.cells["value"])
    for key, mark in (("decimal", decimal), ("thousands", thousands)):
        if mark is None:
            text.ask(key, '"."', "the numbers of the sample do not tell; what is not declared is set apart")
        else:
            text.guess("numbers.", key, mark, "by the numbers of the sample")


def _mapped(text: _Text, header: str, place: str, words: Words | None, known: Mapping[str, str]) -> None:
    text.say("", header)
    if words is None:
        return
    for word, n in words.told.items():
        meaning = known.get(fold(word))
        if meaning is None:
            text.ask(_toml(word), '"..."', f"what does it mean? {n} records")
        else:
            text.guess(f"{place}", _toml(word), meaning, f"{n} records; other laboratories mean that by it")
    _say_others(text, words)


def _tests(text: _Text, words: Words, *, is_of_messages: bool) -> None:
    text.say("", "[tests]")
    loads = [word for word in words.told if sounds_like_cmv(word)]
    others = [word for word in words.told if word not in loads]
    text.guess(
        "tests.", "cmv_load", loads, "they sound like CMV: which of them count the virus, in which unit?"
    ) if loads else (text.ask("cmv_load", '["..."]', "which codes are the CMV load?"))
    if others:
        text.guess("tests.", "not_cmv_load", others, "they do not sound like CMV; counted and not read")
    if is_of_messages:
        text.ask("unlisted", '"ignored"', "is every other test counted and left, unless it sounds like CMV?")
        text.ask(
            "headings", '"ignored"', "does a line without a code and without a number only head the results behind it?"
        )
    counted = ", ".join(f"{_toml(word)} {n}" for word, n in words.told.items())
    text.say(f"# Records: {counted or 'of none that may be shown'}")
    _say_others(text, words)


def _statuses(text: _Text, words: Words | None, known: Vocabulary) -> None:
    if words is None:
        text.say("", "[status]")
        text.ask("default", '"final"', "no column of the sample says whether a result is final: is each of them?")
        return
    _mapped(text, "[status.delivered]", "status.delivered.", words, known.statuses)


def _values(text: _Text, words: Words | None, known: Vocabulary) -> None:
    text.say("", "[values]")
    by_meaning: dict[str, list[str]] = {}
    for word in words.told if words else ():
        meaning = known.phrases.get(fold(word))
        if meaning is None:
            text.say(f"# ASK: what does {_toml(word)} mean? {words.told[word] if words else 0} records")
        else:
            by_meaning.setdefault(meaning, []).append(word)
    for meaning in PHRASE_MEANINGS:
        if meaning in by_meaning:
            n = sum(words.told[word] for word in by_meaning[meaning]) if words else 0
            text.guess("values.", meaning, by_meaning[meaning], f"{n} records; other laboratories mean that by them")
    text.ask(
        "less_than",
        '"below_lloq"',
        'does "<137" say detected below 137, or not detected? Laboratories mean opposite things',
    )
    text.ask("greater_than", '"above_uloq"', 'what does ">N" say?')
    if words:
        _say_others(text, words)


def _notes(text: _Text, sample: Sample) -> None:
    """Asks for the words by which a note takes a value back; no note is told, for it may hold anything."""
    if sample.n_with_notes:
        text.say("", f"# {sample.n_with_notes} of {sample.records} records have a note beside the value", "# [notes]")
        text.ask("doubt", '["gestold", "niet betrouwbaar"]', "by which words does a note take a value back?")


def _assays(text: _Text, words: Words | None) -> None:
    text.say(
        "",
        "# ASK: the limits of each assay, by specimen and date; no file of results states them. For each:",
        "# [[assays]]",
    )
    text.ask("name", '"..."', "how it is called in cmvmon")
    delivered = "" if words is None else ", ".join(map(_toml, words.told))
    text.ask("delivered", f"[{delivered}]", "as the laboratory writes it")
    text.ask("compartments", '["plasma"]', "for which specimens")
    text.ask("lloq_iu_per_ml", "137", "lower limit of quantification")
    text.ask("uloq_iu_per_ml", "1e7", "upper limit")
    if words:
        _say_others(text, words)


def _say_others(text: _Text, words: Words) -> None:
    if words.n_others:
        text.say(
            f"# {words.n_others} other words or texts of fewer than {PATIENTS} patients, or with a digit, are not shown"
        )


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
