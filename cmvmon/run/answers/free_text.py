"""What a person types beside an answer is kept and shown again: no number of a patient who is known here may stand in it, and no
date of birth of the patient whom it is about.

A name can't be told from another word, and none is stored here: that is for whoever types it.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

import sqlalchemy as sa

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.errors import AnswerRefused
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.rows.schema import QUARANTINE
from cmvmon.text import codes, language

_SHORTEST = 4  # characters: a shorter one is a count, a day or a bed
_SHORTEST_IN_PARTS = 6  # characters of a number that was typed with blanks in it, as 12 34 567
_MOST_PARTS = 4
_AROUND = ".?!,;:()[]{}<>\"'`´‘’“”„«»/\\|=+#&*-"
_APART = re.compile(rf"[\s{re.escape(_AROUND.replace('.', '').replace('-', ''))}]+")


def refuse_patients(
    connection: sa.Connection, text: str | None, *, option: str, as_of: datetime, about: str | None = None
) -> None:
    """Nothing, unless the text holds the number of a patient who was known at `as_of`, however it is written, or of whom a record
    was set apart; or the date of birth of the patient `about`.

    A number is a word, or a few words beside each other; one within a longer number is none. Raises AnswerRefused, which says at
    which option, and does not repeat what it found.
    """
    plain = _plain(text or "")
    if _holds_number(connection, _words(plain), as_of):
        raise _refused(
            option, "the number of a patient who is known here", "a patient's name or number", "names_patient"
        )
    if about is not None and _holds_birth(connection, plain, about, as_of):
        raise _refused(option, "the date of birth of this patient", "it", "names_birth")


def _refused(option: str, found: str, without: str, code: str) -> AnswerRefused:
    return AnswerRefused(
        f"{option} holds {found}, and is kept and shown again in lists; say it without {without}. Nothing was done",
        code,
        field=option.removeprefix("--"),
    )


def _plain(text: str) -> str:
    """The text with every digit, letter and hyphen as a keyboard writes it, and without what can't be seen."""
    kinds = ((c, unicodedata.category(c)) for c in unicodedata.normalize("NFKC", text))
    return "".join("-" if kind == "Pd" else c for c, kind in kinds if kind != "Cf")


def _words(text: str) -> frozenset[str]:
    """What in the text may be a number: its words, what marks set apart in them, and neighbours that blanks alone part."""
    typed = text.split()
    found = {word.strip(_AROUND) for word in (*typed, *_APART.split(text))}
    found = {word for word in found if len(word) >= _SHORTEST}
    for start in range(len(typed)):
        for end in range(start + 2, min(start + _MOST_PARTS, len(typed)) + 1):
            joined = "".join(typed[start:end]).strip(_AROUND)
            if len(joined) >= (_SHORTEST_IN_PARTS if joined.isdigit() else _SHORTEST):
                found.add(joined)
    return frozenset(found)


def _holds_number(connection: sa.Connection, words: frozenset[str], as_of: datetime) -> bool:
    if not words:
        return False
    q, folded = QUARANTINE.c.patient_id, sorted({word.lower() for word in words})
    if connection.execute(sa.select(q).where(sa.func.lower(q).in_(folded)).limit(1)).first() is not None:
        return True
    is_known = numbers_in_store.any_known(connection, words, as_of=as_of)
    return is_known or bool(numbers_in_store.written_otherwise(connection, words, as_of=as_of))


def _holds_birth(connection: sa.Connection, text: str, patient: str, as_of: datetime) -> bool:
    if not re.search(r"\d", text):
        return False
    known = known_table(connection, BY_NAME[BIRTH_DATES.name], as_of=as_of, patients=[patient])
    if known is None:
        return False
    births = {date.fromisoformat(born) for born in known["born_on"].drop_nulls()}
    return any(_written(born).search(text) for born in births)


def _written(day: date) -> re.Pattern[str]:
    """That day as people write it: in figures, the year first or last and of four digits or two, or with the month's name."""
    from babel.dates import get_month_names

    locales = [language(code).locale for code in codes()]
    tables = [
        table
        for each in locales
        for table in (get_month_names("wide", locale=each), get_month_names("abbreviated", locale=each))
    ]
    names = {table[day.month].rstrip(".") for table in tables}
    d, m, name = f"0?{day.day}", f"0?{day.month}", f"(?:{'|'.join(map(re.escape, sorted(names)))})\\.?"
    year, apart = f"(?:{day.year}|'?{day.year % 100:02d})", r"\s?[-/. ]\s?"
    ways = (
        f"{d}{apart}{m}{apart}{year}",
        f"{m}{apart}{d}{apart}{year}",
        f"{day.year}{apart}{m}{apart}{d}",
        f"{day.day:02d}{day.month:02d}{day.year}",
        f"{day.year}{day.month:02d}{day.day:02d}",
        rf"{d}(?:\.|e|st|nd|rd|th)?[\s-]*(?:of )?{name}[\s,-]*{year}",
        rf"{name}\s*{d}(?:st|nd|rd|th)?[\s,]*{year}",
    )
    return re.compile(rf"(?<![\d.,])(?<!\d[-/])(?<![^\W\d_])(?:{'|'.join(ways)})(?![\d])(?![-/]\d)", re.IGNORECASE)
