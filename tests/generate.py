"""Every file that is written by code and committed: `python -m tests.generate` writes them all."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cmvmon.data_contracts.dictionary import data_dictionary, facts_dictionary
from cmvmon.data_contracts.odcs import contract_text
from cmvmon.domain.tables import TABLES
from cmvmon.shell.dialects import BY_NAME
from cmvmon.shell.migrations.frozen import ddl
from tests.docs.alerts_page import alerts_page
from tests.docs.commands_page import commands_page
from tests.docs.guide_page import guide_page
from tests.docs.laboratory_file_page import laboratory_file_page
from tests.docs.notify_file_page import notify_file_page
from tests.docs.reading_page import reading_page
from tests.docs.safety_page import safety_page
from tests.docs.table_file_page import table_file_page

ROOT = Path(__file__).resolve().parent.parent


def _rules_page() -> str:
    from tests.docs.rules_page import render

    return str(render())


def _protocol_page() -> str:
    from cmvmon.protocol.page import protocol_page
    from cmvmon.rules import needed_numbers
    from cmvmon.shell.folder.protocol_files import Protocol

    return protocol_page(Protocol.shipped(), needed_numbers())


def generated() -> list[tuple[str, Callable[[], str]]]:
    """Each generated file: its path from the repository's root, and the function that returns its text."""
    files: list[tuple[str, Callable[[], str]]] = [
        (f"data_contracts/contracts/{table.name}.odcs.yaml", partial(contract_text, table)) for table in TABLES
    ]
    files.append(("docs/tables.md", data_dictionary))
    files.append(("docs/protocol.md", _protocol_page))
    files.append(("docs/facts.md", facts_dictionary))
    # The first version is frozen by the first release; until then it follows METADATA (docs/decisions/0014).
    files += [(f"cmvmon/shell/migrations/versions/v0001.{name}.sql", partial(ddl, name)) for name in BY_NAME]
    if importlib.util.find_spec("tests.docs.rules_page") is not None:
        files.append(("docs/rules.md", _rules_page))
    files.append(("docs/alerts.md", alerts_page))
    files.append(("docs/commands.md", commands_page))
    files.append(("docs/guide.md", guide_page))
    files.append(("docs/safety.md", safety_page))
    files.append(("docs/laboratory_file.md", laboratory_file_page))
    files.append(("docs/table_file.md", table_file_page))
    files.append(("docs/notify.md", notify_file_page))
    files.append(("docs/reading-test.md", reading_page))
    return files


def main() -> None:
    """Write every generated file, and say which ones changed."""
    from tests.rules.test_what_alerts_say import table as alerts_said  # a test of its own holds it, row by row

    for path, text in [*generated(), ("tests/rules/alerts_said.md", alerts_said)]:
        target, wanted = ROOT / path, text()
        changed = not target.exists() or target.read_text(encoding="utf-8") != wanted
        if changed:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(wanted, encoding="utf-8")
        print(f"{'written' if changed else 'same   '}  {path}")
    if importlib.util.find_spec("tests.docs.rules_page") is None:
        print("skipped  docs/rules.md: tests/docs/rules_page.py does not exist yet")


if __name__ == "__main__":
    main()
