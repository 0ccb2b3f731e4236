"""Tells of a night that did not run, as a child of `cmvmon serve` that may wait for the site.

`python -m cmvmon.flows.missing ROOT`
"""

from __future__ import annotations

import sys
from pathlib import Path

from cmvmon.domain.errors import CmvmonError
from cmvmon.run.messages.telling import tell_safely
from cmvmon.run.nightly.night_alerts import note_missed
from cmvmon.shell.basis.lifeline import end_with_parent
from cmvmon.shell.basis.losing_lines import lose_lines


def main(root: Path) -> None:
    """Opens the alert about the work and says so in a sentence; silent where the night has come meanwhile."""
    end_with_parent()
    lose_lines()
    try:
        is_missing, why = note_missed(root), "run `cmvmon nightly` to see why"
    except CmvmonError as error:
        is_missing, why = True, str(error)
    if is_missing:
        tell_safely(root)
        print(f"NOT DONE the last night that was due: {why}", flush=True)  # noqa: T201 - said for `cmvmon serve`


if __name__ == "__main__":
    main(Path(sys.argv[1]))
