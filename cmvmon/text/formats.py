"""How a fact is written in a sentence: by what its name says of its unit, or in the format that the words ask for.

A fact that an alert holds against a line of the protocol is never rounded onto or across it (`cmvmon.text.beside`): a line is
written as it is, a fact with as many decimals as it takes.

A placeholder is `{fact}`, `{fact:format}` or `{fact:format other}`: `{rise_log10}`, `{compartment:where affected_source}`,
`{latest_point:result latest_point_at_least_iu_per_ml}`. A fact that is null is said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from cmvmon.text.beside import side, written_line
from cmvmon.text.language import Language
from cmvmon.text.values import (
    course_in_words,
    days_in_words,
    full_days_in_words,
    operations_in_words,
    short,
    slope_sentence,
    table_in_words,
    value_in_words,
)

# What a name says of its unit, first match; a number of the protocol is written without idle decimals.
_INTERVAL = "protocol.decline.interval_probability"
_BAND = re.compile(r"([\[(])([\d.]+), ([\d.]+|inf)([\])]) (.+)")
_OF_A_SAMPLE = ("collected_at", "detection", "viral_load_iu_per_ml")
_BY_NAME = tuple(
    (re.compile(pattern), found)
    for pattern, found in (
        (r"^protocol\..*(_days|_h|_log10|_log10_per_week)$", "short"),
        (r"_iu_per_ml$", "load"),
        (r"(_in_a_day|_mmol_per_l)$", "amount"),
        (r"_umol_per_l$", "count"),
        (r"_mg_per_dl$", "hundredths"),
        (r"^(kidney_function_now|no_dose_up_to)$", "clearance"),
        (r"(_(e9|mg)_per_l|_ml_per_min)$", "short"),
        (r"_log10(_per_week)?$", "log10"),
        (r"_fold(_low|_high)?$", "short"),
        (r"_(mmhg|percent)$", "whole"),
        (r"(_at|_since|_until)$", "date"),
        (r"probability|agreement", "percent"),
        (r"(^|_)n_|_day$", "count"),
        (r"^days_since_|_days$", "days"),
        (r"(^|_)detection$", "detection"),
        (r"(^|_)compartment$", "compartment"),
    )
)

# What is measured in one unit and held against each other, by the names of facts; and which of them are the lines.
_QUANTITIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"_iu_per_ml$",
        r"_log10_per_week$",
        r"_log10$",
        r"_percent$",
        r"probability_rebound$",
        r"^protocol\..*_days$|^days_since_|_days$",
        r"_e9_per_l$",
        r"_mg_per_l$",
        r"_umol_per_l$",
        r"_ml_per_min$",
        r"^kidney_function_now$|^no_dose_up_to$",
        r"_in_a_day$",
        r"_fold(_low|_high)?$",
    )
)
_IS_LINE = re.compile(r"^protocol\.|^trough_(from|to)_|^no_dose_up_to$|^(least|most)_in_a_day$")
_WHOLE_PERCENT, _COMPUTED = 2, 1  # decimals of a line that was computed or fitted; more where a value asks for it


@dataclass(frozen=True)
class Speaker:
    """Writes facts of one evidence in one language; dates in one zone.

    Attributes:
        told: the facts that the sentences of this evidence tell: what is a line among them is what the others stand beside.
    """

    evidence: Mapping[str, Any]
    language: Language
    time_zone: str
    told: frozenset[str] = frozenset()

    def written(self, name: str, asked: str) -> str:
        """The fact `name` as the words ask for it. Raises KeyError for a fact that the evidence lacks."""
        form, *others = asked.split() or [format_of(name)]
        if form in _OF_SEVERAL:
            return _OF_SEVERAL[form][1](self, name, *others)
        value = self.evidence[name]
        if value is None:
            return self.language.say("unknown")
        if form in _OF_NUMBER:
            return _OF_NUMBER[form](self.language, self._on_its_line(name, value), self.beside(name))
        return _OF_ONE[form](self, value, *others)

    def beside(self, name: str) -> tuple[float, ...]:
        """The lines that the number `name` is held against; a line stands beside itself, so that it is written as it is."""
        if name in self._lines:
            return (self._lines[name],)
        quantity = _quantity(name)
        return tuple(line for other, line in self._lines.items() if quantity and _quantity(other) == quantity)

    def _on_its_line(self, name: str, value: float) -> float:
        """The line as it is written where `name` is one or is equal to one; else the value."""
        alike = [x for x in self._lines if x == name or _quantity(x) == _quantity(name)]
        return next((self._lines[x] for x in alike if side(value, self.evidence[x]) == 0), value)

    @cached_property
    def _lines(self) -> dict[str, float]:
        """Every line that is told, as it is written."""
        found: dict[str, float] = {}
        for name in sorted(self.told):
            line = self.evidence.get(name)
            if not _IS_LINE.search(name) or not isinstance(line, int | float):
                continue
            is_fitted = "probability" in name
            if name.startswith("protocol.") and not is_fitted:
                found[name] = line
                continue
            others = (self.evidence.get(x) for x in self.told if x != name and _quantity(x) == _quantity(name))
            least = _WHOLE_PERCENT if is_fitted else _COMPUTED
            found[name] = written_line(line, least, [x for x in others if isinstance(x, int | float)])
        return found

    def result(self, which: str, limit: str = "") -> str:
        """One sample: its load, or what the assay said with the limit it was below or above."""
        detection, load = self.evidence[f"{which}_detection"], self.evidence[f"{which}_viral_load_iu_per_ml"]
        beside = self.beside(f"{which}_viral_load_iu_per_ml")
        return value_in_words(detection, load, self.evidence[limit] if limit else None, self.language, beside)

    def where(self, name: str, source: str) -> str:
        """The compartment at the start of a sentence, and how it came to be the one that is judged."""
        where, found = self.capital(self.evidence[name]), self.evidence[source]
        if found is None:
            return where
        return self.language.say("where", compartment=where, source=self.language.word("affected_source", found))

    def slope(self, which: str) -> str:
        """A decline or rise with its interval and the number of results."""
        mean, low, high = (self.evidence[f"{which}{end}_log10_per_week"] for end in ("", "_low", "_high"))
        return slope_sentence(
            *(mean, low, high, self.evidence["n_used"], self.language),
            interval=self.evidence[_INTERVAL],
            beside=self.beside(f"{which}_log10_per_week"),
        )

    def course(self, first: str, last: str) -> str:
        """From one sample to a later one, and in how many days."""
        began, ended = (datetime.fromisoformat(self.evidence[f"{which}_collected_at"]) for which in (first, last))
        return course_in_words(
            *(self._said(first), self._said(last), ended - began, self.language),
            beside=self.beside(f"{last}_viral_load_iu_per_ml"),
            change_beside=self.beside("change_log10"),
        )

    def _said(self, which: str) -> tuple[str, float | None]:
        return self.evidence[f"{which}_detection"], self.evidence[f"{which}_viral_load_iu_per_ml"]

    def at_least(self, name: str, detection: str) -> str:
        """A rise, which is at least so much where its result is above range."""
        written = self.written(name, "")
        is_more = self.evidence[detection] == "above_uloq"
        return self.language.say("at_least", value=written) if is_more else written

    def measured(self, name: str, comparator: str) -> str:
        """A measured value, with `<` or `>` where it lies below or above that."""
        return f"{self.evidence[comparator] or ''}{self.written(name, 'short')}"

    def folds(self, drug: str) -> str:
        """What is published of a change and a drug: how many times as much of it in how many rows, and words as they stand."""
        n, low, high, said = (self.evidence[name] for name in _folds_of(drug))
        parts = [self.language.say("folds.words", words=said)] if said else []
        if n:
            beside = self.beside(f"{drug}_fold_low")
            least, most = (short(fold, self.language, beside) for fold in (low, high))
            rows = self.language.count("folds.rows", n)
            key = "folds.one" if least == most else "folds.range"
            parts.append(self.language.say(key, low=least, high=most, rows=rows))
        return ", ".join(parts)

    def capital(self, compartment: str) -> str:
        """The word of a compartment at the start of a sentence."""
        word = self.language.word("compartment", compartment)
        return word[:1].upper() + word[1:]

    def other_drug(self, name: str) -> str:
        """The name of another drug, in this language where it has a word for it: a site adds pairs of its own."""
        key = f"other_drug.{name}"
        found = self.language.say(key) if self.language.has(key) else name
        return found[:1].upper() + found[1:]

    def date(self, moment: str | datetime) -> str:
        """The date of a moment."""
        found = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
        return self.language.date(found, self.time_zone)


def band_in_words(band: str, language: Language) -> str:
    """A half-open band with its unit, in words: `[25, 50) mL/min` is "25 to below 50 mL/min". Another text stays as it is."""
    found = _BAND.fullmatch(band)
    if found is None:
        return band
    opens, low, high, closes, unit = found.groups()
    least, most = (number if number == "inf" else short(float(number), language) for number in (low, high))
    if most == "inf":
        return language.say("band.from" if opens == "[" else "band.above", low=least, unit=unit)
    if float(low) == 0.0:
        return language.say("band.up_to" if closes == "]" else "band.below", high=most, unit=unit)
    ends = f"band.{'from' if opens == '[' else 'above'}_{'up_to' if closes == ']' else 'below'}"
    return language.say(ends, low=least, high=most, unit=unit)


def _folds_of(drug: str) -> tuple[str, ...]:
    return tuple(f"{drug}_{part}" for part in ("n_rows", "fold_low", "fold_high", "table_says"))


_OF_NUMBER: Mapping[str, Callable[[Language, float, Collection[float]], str]] = {
    "short": lambda s, x, beside: short(x, s, beside),
    "load": Language.load,
    "log10": Language.log10,
    "percent": Language.percent,
    "count": lambda s, x, beside: s.number(x, 0, beside),
    "whole": lambda s, x, beside: s.number(x, 0, beside),
    "days": lambda s, x, beside: days_in_words(x, s, beside),
    "full_days": lambda s, x, beside: full_days_in_words(x, s, beside),
    "amount": lambda s, x, beside: s.number(x, 1 if round(x, 1) != round(x) else 0, beside),
    "clearance": lambda s, x, beside: s.number(x, 0 if x >= 10 else 1 if round(x, 1) == round(x, 2) else 2, beside),
    "hundredths": lambda s, x, beside: s.number(x, 2, beside),
}
_OF_ONE: Mapping[str, Callable[..., str]] = {
    "date": Speaker.date,
    "counted": lambda s, x, noun: s.language.count(noun, int(x)),
    "capitalised": lambda _, x: x[:1].upper() + x[1:],
    "first_capital": lambda _, x: (", ".join(x.split(";"))).capitalize(),
    "other_drug": Speaker.other_drug,
    "drugs": lambda _, x: ", ".join(x.split(";")),
    "detection": lambda s, x: s.language.word("detection", x),
    "compartment": lambda s, x: s.language.word("compartment", x),
    "compartments": lambda s, x: s.language.words("compartment", x),
    "ventilation": lambda s, x: s.language.words("ventilation", x),
    "stop_reason": lambda s, x: s.language.word("stop_reason", x),
    "conditions": lambda s, x: s.language.words("condition", x),
    "capital": Speaker.capital,
    "band": lambda s, x: band_in_words(x, s.language),
    "table": lambda s, x: table_in_words(x, s.language),
    "operations": lambda s, x: operations_in_words(x, s.language),
    "text": lambda _, x: str(x),
}
# Those that are made from several facts: which, and how.
_OF_SEVERAL: Mapping[str, tuple[Callable[..., tuple[str, ...]], Callable[..., str]]] = {
    "result": (lambda n, *limit: (f"{n}_detection", f"{n}_viral_load_iu_per_ml", *limit), Speaker.result),
    "where": (lambda n, source: (n, source), Speaker.where),
    "slope": (
        lambda n: (*(f"{n}{end}_log10_per_week" for end in ("", "_low", "_high")), _INTERVAL, "n_used"),
        Speaker.slope,
    ),
    "course": (lambda *of: tuple(f"{n}_{part}" for n in of for part in _OF_A_SAMPLE), Speaker.course),
    "at_least": (lambda n, detection: (n, detection), Speaker.at_least),
    "measured": (lambda n, comparator: (n, comparator), Speaker.measured),
    "folds": (_folds_of, Speaker.folds),
}


@cache  # names of facts: as many as there are
def format_of(name: str) -> str:
    """The format that the name of a fact says; `text` where it says none.

    >>> format_of("rise_log10"), format_of("protocol.overdue_after_days"), format_of("watched_since")
    ('log10', 'short', 'date')
    """
    return next((form for pattern, form in _BY_NAME if pattern.search(name)), "text")


@cache
def _quantity(name: str) -> str | None:
    """What a fact is a number of, where that is held against lines."""
    return next((found.pattern for found in _QUANTITIES if found.search(name)), None)


def columns_of(name: str, asked: str) -> tuple[str, ...]:
    """The facts that a placeholder is made from (besides `result_ids`, which every evidence has)."""
    form, *others = asked.split() or [format_of(name)]
    return _OF_SEVERAL[form][0](name, *others) if form in _OF_SEVERAL else (name,)
