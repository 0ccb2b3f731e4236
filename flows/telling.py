"""Tells people what is due, as a child of `cmvmon serve` that may wait for a server: `python -m cmvmon.flows.telling ROOT`."""

from __future__ import annotations

import sys
from pathlib import Path

from cmvmon.run.messages.telling import tell_safely
from cmvmon.shell.basis.lifeline import end_with_parent
from cmvmon.shell.basis.losing_lines import lose_lines


def main(root: Path) -> None:
    """Sends what is due, and says in a sentence where nobody can be told."""
    end_with_parent()
    lose_lines()
    told = tell_safely(root)
    if told is not None and told.trouble is not None:
        print(f"NOT DONE telling people: {told.trouble}", flush=True)  # noqa: T201 - said for `cmvmon serve`


if __name__ == "__main__":
    main(Path(sys.argv[1]))
