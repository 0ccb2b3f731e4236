"""The command that proposes a laboratory file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import feed_app


@feed_app.command("draft")
def feed_draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sample: CSV, Excel, HL7 or FHIR, by its ending.")],
    name: Annotated[str, typer.Option("--name", help="The feed: the name of the laboratory file.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it there; without it, it is printed.")] = None,
) -> None:
    """Proposes a laboratory file from a sample. Each guess is to be confirmed; until then the intake refuses the file."""
    from cmvmon.run.deliveries.feed_drafting import draft

    text = draft(file, name=name, out=out)
    print(
        printing.visible(text) if out is None else f"drafted {out}: confirm each guess in it, it is refused until then"
    )
