"""What a person types beside an answer is kept and shown again: no number of a patient who is known here may stand in it."""

from __future__ import annotations

import re
from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain.errors import AnswerRefused
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.rows.schema import QUARANTINE

_SHORTEST = 4  # characters: a shorter one is a count, a day or a bed
_PART = re.compile(r"[^\s,;:()\[\]\"'`]+")


def refuse_patients(connection: sa.Connection, text: str | None, *, option: str, as_of: datetime) -> None:
    """Nothing, unless a word of the text is the number of a patient who was known at `as_of`, however it is written, or of whom a
    record was set apart.

    A name can't be told from another word: that is for whoever types it. Raises AnswerRefused, which does not repeat the number.
    """
    words = {part.strip(".?!") for part in _PART.findall(text or "")}
    words = {word for word in words if len(word) >= _SHORTEST}
    if not words:
        return
    q, folded = QUARANTINE.c.patient_id, sorted({word.lower() for word in words})
    is_known = connection.execute(sa.select(q).where(sa.func.lower(q).in_(folded)).limit(1)).first() is not None
    is_known = is_known or any(numbers_in_store.is_known(connection, word, as_of=as_of) for word in sorted(words))
    if is_known or numbers_in_store.written_otherwise(connection, words, as_of=as_of):
        raise AnswerRefused(
            f"{option} holds the number of a patient who is known here, and is kept and shown again in lists; say it without "
            "a patient's name or number. Nothing was done",
            "names_patient",
        )
