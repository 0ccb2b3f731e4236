"""Whether a call of the program is one that it would take: its command, arguments and options, as the program itself reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from cmvmon.cli import app


def is_taken(words: Sequence[str], *, site: Path, named: str) -> bool:
    """Raises ClickException where the command or an option does not exist, or something is lacking. Nothing is run.

    `site` is a site that exists, in the place of the one that the call names.
    """
    words = [str(site) if word == named else word for word in words]
    command = typer.main.get_command(app)
    context = command.make_context("cmvmon", list(words), resilient_parsing=False)
    name, found, rest = command.resolve_command(context, list(words))  # type: ignore[attr-defined]
    assert found is not None
    found.make_context(name, rest, parent=context)
    return True
