"""A language: its sentences by key, and its way to write numbers, dates and moments.

Nothing here imports a heavy library: Babel is loaded when the first number or date is written.
"""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property, lru_cache
from importlib import import_module, resources
from typing import Any

from cmvmon.domain.errors import CmvmonError
from cmvmon.text import languages
from cmvmon.text.beside import decimals, rounded
from cmvmon.text.moments import written_moment

# Loads below this keep their decimals: there they may be all that a result says. Layout, not a clinical line.
_WHOLE_FROM_IU_PER_ML = 100.0


class UnknownLanguage(CmvmonError):
    """The data team must act: settings or command name a language that has no file."""

    exit_code = 4


class MissingWords(CmvmonError):
    """We must act: a sentence, or a value that belongs in it, is missing."""


@dataclass(frozen=True, eq=False)
class Language:
    """One language. There is one object of each, so that what it wrote may be remembered by it.

    Attributes:
        code: two letters, as in `<html lang>`.
        name: the language's name in that language.
        locale: the Babel locale that writes its numbers and month names.
        date_pattern, moment_pattern, short_date_pattern: CLDR patterns of a date, a date with its time, and a tick.
        units: what belongs to the number before it, so that no line ends between the two.
        sentences: sentence by key, with `{placeholders}`. Those of rules have the keys `rule.<code>` (what it watches),
            `title.<code>` (what its alert found), `cleared.<code>` (when it ends), `reason.<code>` and
            `alert.<code>.<sentence>`; the last are filled by `cmvmon.text.alerts`.
        always: the sentences of an alert that no rule made, by its kind.
        folded: the sentences of an alert that are told with what it rests on, by rule.
    """

    code: str
    name: str
    locale: str
    date_pattern: str
    moment_pattern: str
    short_date_pattern: str
    units: tuple[str, ...]
    sentences: Mapping[str, str]
    always: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of that key."""
        return key in self.sentences

    @cached_property
    def plain(self) -> Mapping[str, str]:
        """The sentences that have nothing to fill."""
        return {key: text for key, text in self.sentences.items() if not {"{", "}"} & set(text)}

    @cached_property
    def under(self) -> Mapping[str, tuple[str, ...]]:
        """The sentences of each key and of all keys that go on from it: under `a.b` those of `a.b` and of `a.b.c`."""
        found: dict[str, list[str]] = {}
        for key, text in self.sentences.items():
            parts = key.split(".")
            for n in range(1, len(parts) + 1):
                found.setdefault(".".join(parts[:n]), []).append(text)
        return {key: tuple(texts) for key, texts in found.items()}

    @cached_property
    def titles(self) -> Mapping[str, tuple[str, ...]]:
        """By rule, the sentences of its alert that have a title of their own, in the order in which the titles stand."""
        found: dict[str, list[str]] = {}
        for key in self.sentences:
            what, _, of = key.partition(".")
            rule, _, sentence = of.partition(".")
            if what == "title" and sentence:
                found.setdefault(rule, []).append(sentence)
        return {rule: tuple(keys) for rule, keys in found.items()}

    def say(self, key: str, **params: str) -> str:
        """The sentence of `key` with its placeholders filled.

        Values arrive as text: whoever calls writes numbers and dates with this same language.

        Raises:
            MissingWords: there is no such sentence, or a placeholder got no value. Names the key, never a value.

        >>> language("nl").say("compartment.csf")
        'liquor'
        """
        if not params and key in self.plain:
            return self.plain[key]
        if key not in self.sentences:
            raise MissingWords(f"text/languages/{self.code}.py has no sentence {key!r}; add it, in every language")
        try:
            return self.sentences[key].format(**params)
        except KeyError as error:
            raise MissingWords(
                f"the sentence {key!r} ({self.code}) needs {{{error.args[0]}}}; give it a value"
            ) from None

    def word(self, vocabulary: str, code: str, **params: str) -> str:
        """The word for one value of a vocabulary, such as `word("detection", "below_lloq")`. Raises MissingWords."""
        key = f"{vocabulary}.{code}"
        return self.plain[key] if not params and key in self.plain else self.say(key, **params)

    def words(self, vocabulary: str, codes_: str | None) -> str:
        """The words for codes that are joined by `;`, joined by commas. Empty for null."""
        return ", ".join(self.word(vocabulary, code) for code in (codes_ or "").split(";") if code)

    def count(self, key: str, n: int, **params: str) -> str:
        """`key.one` or `key.other` with `{n}` filled, as the number asks."""
        return self.say(f"{key}.{'one' if n == 1 else 'other'}", n=self.number(n, 0), **params)

    def number(self, x: float, digits: int, beside: Collection[float] = ()) -> str:
        """`x` with `digits` decimals, grouped by thousands; a minus that rounding made idle is dropped.

        Args:
            beside: the lines that it is held against: more decimals where rounding would put it on the wrong side of one.

        >>> language("nl").number(0.8, 1), language("en").number(-12400, 0), language("nl").number(0.399, 1, beside=(0.4,))
        ('0,8', '−12,400', '0,399')
        """
        return _number(x, digits, tuple(beside), self.locale)

    def load(self, iu_per_ml: float, beside: Collection[float] = ()) -> str:
        """A load or a limit in IU/mL without its unit; whole from 100 on, else with up to two decimals. `beside` as for `number`.

        >>> language("nl").load(12400.0), language("en").load(12400.0), language("en").load(34.5)
        ('12.400', '12,400', '34.5')

        A load that went through its logarithm is written as before it did:

        >>> import math
        >>> language("en").load(12400.5) == language("en").load(10 ** math.log10(12400.5))
        True
        """
        return _load(iu_per_ml, tuple(beside), self.locale)

    def log10(self, x: float, beside: Collection[float] = ()) -> str:
        """A load or a decline on the log10 scale, with one decimal. `beside` as for `number`."""
        return self.number(x, 1, beside)

    def percent(self, probability: float, beside: Collection[float] = ()) -> str:
        """A probability as a percentage that never rounds to 0 % or 100 %: beyond 1 and 99 it says less or more.

        Args:
            beside: the probabilities that it is held against, as for `number`.

        >>> language("en").percent(0.234), language("en").percent(0.0004), language("en").percent(0.249, beside=(0.25,))
        ('23%', '<1%', '24.9%')
        """
        if probability < 0.01 and not any(line < 0.01 for line in beside):
            return "<1%"
        if probability > 0.99 and not any(line > 0.99 for line in beside):
            return ">99%"
        return f"{self.number(100 * probability, 0, [100 * line for line in beside])}%"

    def date(self, moment: datetime, time_zone: str) -> str:
        """The date of a moment in a zone.

        >>> from datetime import UTC
        >>> language("nl").date(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "Europe/Amsterdam")
        '23-11-2026'
        """
        return self._written(moment, time_zone, self.date_pattern)

    def moment(self, moment: datetime, time_zone: str) -> str:
        """Date and time of a moment in a zone."""
        return self._written(moment, time_zone, self.moment_pattern)

    def short_date(self, moment: datetime, time_zone: str) -> str:
        """Day and month of a moment in a zone, for a tick."""
        return self._written(moment, time_zone, self.short_date_pattern)

    def _written(self, moment: datetime, time_zone: str, pattern: str) -> str:
        return written_moment(moment, pattern, time_zone, self.locale)


# A ward's pages say the same numbers and dates many times over, and again for the next result.
@lru_cache(maxsize=8192)
def _decimal(x: float, pattern: str, locale: str) -> str:
    from babel.numbers import format_decimal  # loaded on first use: no command pays for it at start

    written: str = format_decimal(x, format=pattern, locale=locale)
    return written


@lru_cache(maxsize=8192)
def _number(x: float, digits: int, beside: tuple[float, ...], locale: str) -> str:
    digits = decimals(x, digits, beside)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return _decimal(rounded(x, digits), pattern, locale).replace("-", "−")


@lru_cache(maxsize=8192)
def _load(iu_per_ml: float, beside: tuple[float, ...], locale: str) -> str:
    iu_per_ml = float(f"{iu_per_ml:.9g}")
    digits = decimals(iu_per_ml, 0 if iu_per_ml >= _WHOLE_FROM_IU_PER_ML else 2, beside)
    return _decimal(rounded(iu_per_ml, digits), f"#,##0.{'#' * digits}", locale)


def codes() -> tuple[str, ...]:
    """The codes of every language there is, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(languages.__path__)))


@cache
def language(code: str) -> Language:
    """The language of that code.

    Raises:
        UnknownLanguage: there is none; lists those there are.

    >>> language("nl").word("detection", "not_detected")
    'niet aantoonbaar'
    """
    if code not in codes():
        raise UnknownLanguage(f"language {code!r} is not known; choose one of {', '.join(codes())}")
    module = import_module(f"{languages.__name__}.{code}")
    of_rules = rule_files(code)
    return Language(
        code=code,
        name=module.NAME,
        locale=module.LOCALE,
        date_pattern=module.DATE_PATTERN,
        moment_pattern=module.MOMENT_PATTERN,
        short_date_pattern=module.SHORT_DATE_PATTERN,
        units=module.UNITS,
        sentences=_all_sentences(code),
        always={rule: tuple(words["always"]) for rule, words in of_rules.items() if "always" in words},
        folded={rule: tuple(words["folded"]) for rule, words in of_rules.items() if "folded" in words},
    )


@cache
def rule_files(code: str) -> Mapping[str, Mapping[str, Any]]:
    """The words of every rule in a language, as its files `cmvmon/text/<language>/rules/<rule>.toml` hold them."""
    folder = resources.files("cmvmon.text").joinpath(code, "rules")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


@cache
def _all_sentences(code: str) -> Mapping[str, str]:
    """Every sentence of a language, of its other files and of its rules too, by key. Raises MissingWords where two give one key."""
    found: dict[str, str] = dict(import_module(f"{languages.__name__}.{code}").SENTENCES)
    for file in sorted(resources.files("cmvmon.text").joinpath(code).iterdir(), key=lambda file: file.name):
        own = tomllib.loads(file.read_text(encoding="utf-8")) if file.name.endswith(".toml") else {}
        for key in own.keys() & found.keys():
            raise MissingWords(f"cmvmon/text/{code}/{file.name} gives {key!r}, which stands elsewhere too; keep one")
        found |= own
    for rule, words in rule_files(code).items():
        for key, sentence in _of_rule(rule, words):
            if key in found:
                raise MissingWords(
                    f"cmvmon/text/{code}/rules/{rule}.toml gives {key!r}, which stands elsewhere too; keep one"
                )
            found[key] = sentence
    return found


def _of_rule(rule: str, words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "topic" in words:
        yield f"rule.{rule}", words["topic"]
        if "cleared" in words:
            yield f"cleared.{rule}", words["cleared"]
        title = words["title"]
        titles = {"otherwise": title} if isinstance(title, str) else title
        yield from ((f"title.{rule}.{key}", text) for key, text in titles.items())
    yield from ((f"reason.{code}", word) for code, word in words.get("reasons", {}).items())
    for key, said in words.get("sentences", {}).items():
        if isinstance(said, str):
            yield f"alert.{rule}.{key}", said
        else:
            yield from ((f"alert.{rule}.{key}.{name}", text) for name, text in said.items())
