"""The table of docs/board.md that says where NEN 7513 stands names every column of the audit log, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from cmvmon.shell.boards.audit_log import OUTCOMES
from cmvmon.shell.rows.schema import AUDIT_LOG

PAGE = (Path(__file__).parents[2] / "docs" / "board.md").read_text("utf-8")
OF_THE_CHAIN = {"sequence", "previous", "hash"}  # what holds the rows together: no norm asks for it by name


def test_every_column_of_the_audit_log_stands_in_the_table_and_every_name_there_is_one() -> None:
    table = PAGE.partition("| NEN 7513 | column |\n")[2].partition("\n\n")[0]
    told = re.findall(r"`(\w+)`", table)
    assert len(told) == len(set(told))
    assert set(told) == {column.name for column in AUDIT_LOG.columns} - OF_THE_CHAIN
    outcomes = re.search(r"`outcome`: (.*?);", table)
    assert outcomes is not None
    assert re.findall(r"\w+", outcomes[1].replace(" or ", " ")) == list(OUTCOMES)
