"""The text of a drafted laboratory file. What stands in it of the sample: headers, and words that came of three patients or more."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cmvmon.feeds.cmv_names import sounds_like_cmv
from cmvmon.feeds.drafting.sample import Sample, TimesRead, marks_of, read_sample, times_read
from cmvmon.feeds.drafting.vocabulary import Vocabulary
from cmvmon.feeds.laboratory import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from cmvmon.feeds.masking import PATIENTS, shape, told_words
from cmvmon.feeds.patient_ids import fold_id
from cmvmon.feeds.value_grammar import PHRASE_MEANINGS, fold

_MOST_WORDS = 60  # of one kind
_MOST_SHAPES = 5  # of times that are not read
_LONGEST_CODE = 40  # characters of the code of a test or an assay
_BESIDE_WORDS = re.compile(
    r"[<>=≤≥]*\s*(?<![^\W_])[0-9][0-9.,' ]*|[()\[\]]"
)  # what stands between the words of a value
_WORD_FIELDS = ("test", "specimen", "assay", "unit", "result_status", "value")


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


@dataclass(frozen=True)
class _Words:
    """Words of one column: those that may be told with their counts, and how many others there are."""

    told: Mapping[str, int]
    n_others: int


def draft_laboratory(data: bytes, *, name: str, known: Vocabulary) -> str:
    """A laboratory file of that name for a sample of CSV, as TOML text. Its `to_confirm` names every guess: the intake refuses the
    file until the list is empty. What the sample can't say is left out, with the question to ask.

    Raises DeliveryError where the sample is no CSV with a header that names patients and values.
    """
    sample = read_sample(data, known)
    words = _words_of(sample, known)
    text = _Text()
    _writing(text, sample, name)
    _columns(text, sample)
    _numbers(text, sample)
    _mapped(text, "[units.delivered]", "units.delivered.", words.get("unit"), known.units)
    _mapped(text, "[specimens]", "specimens.", words.get("specimen"), known.specimens)
    if "test" in words:
        _tests(text, words["test"])
    _statuses(text, words.get("result_status"), known)
    _values(text, words.get("value"), known)
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
    text.guess("", "format", "csv", "the sample is a table of text")
    text.guess("", "synthetic", False, "true where the data are made up")
    text.ask("time_zone", '"Europe/Amsterdam"', "in which zone are times without an offset?")
    text.guess("", "separator", sample.separator, "the headers are known under it")
    why = (
        "every byte can be read so" if sample.encoding == "utf-8" else "it is not UTF-8; iso-8859-1 and -15 look alike"
    )
    text.guess("", "encoding", sample.encoding, why)
    if sample.lines_above_header:
        text.guess("", "lines_above_header", sample.lines_above_header, "so many lines stand above the header")
    times = [cell for of in ("collected_at", "reported_at") for cell in sample.cells.get(of, ())]
    read = times_read(times)
    if read.alike or read.odd or read.impossible or not read.formats:
        like = _toml(list(read.formats or ("%d-%m-%Y %H:%M",)))
        text.ask("time_formats", like, f"how are times written? {_unread(read)}")
    else:
        text.guess("", "time_formats", list(read.formats), f"reads all {read.n_cells} times of the sample")


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
    shapes = (shape(cell, longest=_LONGEST_CODE) for cell in cells)
    counted = Counter("".join(c if c.isprintable() else "?" for c in one) for one in shapes).most_common()
    more = len(counted) - _MOST_SHAPES
    return ", ".join(f"{told} ({n})" for told, n in counted[:_MOST_SHAPES]) + (f" and {more} more" if more > 0 else "")


def _columns(text: _Text, sample: Sample) -> None:
    text.say("", "[columns]")
    for of in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
        if of in sample.columns:
            text.guess("columns.", of, sample.columns[of], "by the name of the header")
        elif of in REQUIRED_COLUMNS:
            text.ask(of, '"..."', "which column is it?")
    if sample.others:
        text.say(f"# Headers that are not known here, and not read: {', '.join(map(_toml, sample.others))}")


def _numbers(text: _Text, sample: Sample) -> None:
    text.say("", "[numbers]")
    decimal, thousands = marks_of(sample.cells["value"])
    for key, mark in (("decimal", decimal), ("thousands", thousands)):
        if mark is None:
            text.ask(key, '"."', "the numbers of the sample do not tell; what is not declared is set apart")
        else:
            text.guess("numbers.", key, mark, "by the numbers of the sample")


def _mapped(text: _Text, header: str, place: str, words: _Words | None, known: Mapping[str, str]) -> None:
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


def _tests(text: _Text, words: _Words) -> None:
    text.say("", "[tests]")
    loads = [word for word in words.told if sounds_like_cmv(word)]
    others = [word for word in words.told if word not in loads]
    text.guess(
        "tests.", "cmv_load", loads, "they sound like CMV: which of them count the virus, in which unit?"
    ) if loads else (text.ask("cmv_load", '["..."]', "which codes are the CMV load?"))
    if others:
        text.guess("tests.", "not_cmv_load", others, "they do not sound like CMV; counted and not read")
    counted = ", ".join(f"{_toml(word)} {n}" for word, n in words.told.items())
    text.say(f"# Records: {counted or 'of none that may be shown'}")
    _say_others(text, words)


def _statuses(text: _Text, words: _Words | None, known: Vocabulary) -> None:
    if words is None:
        text.say("", "[status]")
        text.ask("default", '"final"', "no column of the sample says whether a result is final: is each of them?")
        return
    _mapped(text, "[status.delivered]", "status.delivered.", words, known.statuses)


def _values(text: _Text, words: _Words | None, known: Vocabulary) -> None:
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


def _assays(text: _Text, words: _Words | None) -> None:
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


def _say_others(text: _Text, words: _Words) -> None:
    if words.n_others:
        text.say(
            f"# {words.n_others} other words or texts of fewer than {PATIENTS} patients, or with a digit, are not shown"
        )


def _words_of(sample: Sample, known: Vocabulary) -> dict[str, _Words]:
    """The words of each column; a unit that is printed beside the number counts as one of the units."""
    patients = [fold_id(cell) for cell in sample.cells["patient_id"]]
    seen = {of: list(zip(patients, sample.cells[of], strict=True)) for of in _WORD_FIELDS if of in sample.columns}
    parts = [(patient, part) for patient, cell in seen["value"] for part in _BESIDE_WORDS.split(cell)]
    units = [pair for pair in parts if fold(pair[1]) in known.units]
    seen["value"] = [pair for pair in parts if fold(pair[1]) not in known.units]
    if units:
        seen["unit"] = seen.get("unit", []) + units
    return {
        of: _words(pairs, patients=frozenset(patients), are_codes=of in ("test", "assay", "unit"))
        for of, pairs in seen.items()
    }


def _words(pairs: Sequence[tuple[str, str]], *, patients: frozenset[str], are_codes: bool) -> _Words:
    """The words that may be told, the commonest first; one that is a patient's number too is none. Codes may hold digits."""
    cells = [(patient, cell.strip()) for patient, cell in pairs]
    counts = Counter(cell for _, cell in cells if any(mark.isalpha() for mark in cell))
    may_be_told = told_words(cells)
    if are_codes:
        having: dict[str, set[str]] = {}
        for patient, cell in cells:
            having.setdefault(cell, set()).add(patient)
        may_be_told |= {
            cell for cell, of in having.items() if len(of - {""}) >= PATIENTS and len(cell) <= _LONGEST_CODE
        }
    told = [word for word, _ in counts.most_common() if word in may_be_told and fold_id(word) not in patients]
    return _Words({word: counts[word] for word in told[:_MOST_WORDS]}, len(counts) - len(told[:_MOST_WORDS]))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
