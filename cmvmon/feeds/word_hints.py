"""What to do about a word of a sender that an exchanged table does not know: which are read, and where its own are mapped."""

from __future__ import annotations

from cmvmon.domain.constraints import OneOf
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.delivered import NAMES as DELIVERED
from cmvmon.domain.tables import BY_NAME


def _as_key(word: str) -> str:
    return word if word.replace("_", "").isalnum() else f'"{word}"'


def words_to_map(code: str, table: str = "") -> str:
    """Which words a column of an exchanged table may hold, and where a sender's own are mapped to them; empty for another code.

    Several tables may have a column of one name, with other words: each is named where no table is given, else that of the table
    alone; empty where its columns have no such promise.
    """
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in DELIVERED:
        if name == LEADING.name or (
            table in DELIVERED and name != table
        ):  # its words are mapped in the laboratory file
            continue
        for column in BY_NAME[name].columns:
            for promise in column.constraints if column.exchanged else ():
                if isinstance(promise, OneOf) and promise.code == code:
                    found.setdefault((column.name, promise.values), []).append(name)
    return " ".join(
        f"In {', '.join(tables)} `{column}` is one of {', '.join(values)}. Put the sender's word beside ours in the table file, under "
        f'[{tables[0]}.words.{column}]: {_as_key(values[0])} = ["the sender\'s word"].'
        for (column, values), tables in found.items()
    )
