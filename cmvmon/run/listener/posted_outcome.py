"""A process beside the listener that says what a posted body comes to: the same judging as the intake's, and nothing is stored.

The listener starts it by `python -m cmvmon.run.listener.posted_outcome SITE` and asks by its pipes; it ends when they close. So what
judges is never imported into the process that keeps what came (docs/decisions/0046).

    asked      one line of JSON, {"feed": ..., "is_bundle": ..., "n_bytes": ...}, then that many bytes
    answered   one line of JSON, {"outcome": ..., "refused": ...}; {} where it could not be judged

Rule of this file: nothing of a body is written anywhere but into the answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cmvmon.feeds.fhir.outcome import operation_outcome, refused_whole
from cmvmon.ingest import ingest
from cmvmon.shell.basis.lifeline import end_with_parent
from cmvmon.shell.folder.site import Site
from cmvmon.shell.incoming.inbox import FHIR


def outcome_of_body(site: Site, feed: str, body: bytes, *, is_bundle: bool) -> dict[str, Any]:
    """The OperationOutcome of a body as the feed's files read it now, and why none of it can ever be read (None = any of it can).

    Raises CmvmonError where those files can't be used.
    """
    at, settings = datetime.now(UTC), site.settings()
    parts = ingest(
        body,
        feed=feed,
        table=None,
        laboratory=site.laboratory(feed),
        delivery_id=hashlib.sha256(body).hexdigest(),
        received_at=at,
        landed_at=at,
        form=FHIR,
        history=settings.takes_history,
        zone=settings.delivered_zone,
        table_file=site.table_file(feed),
        is_of_inbox=True,
    ).parts
    return {"outcome": operation_outcome(parts, is_bundle=is_bundle), "refused": refused_whole(parts)}


def serve(site: Site, asked: BinaryIO, answered: BinaryIO) -> None:
    """Answers until nothing more is asked. What can't be judged is answered by {}: the listener keeps it all the same."""
    answered.write(b"{}\n")  # it is there, with all that judges
    answered.flush()
    while line := asked.readline():
        head = json.loads(line)
        body = asked.read(head["n_bytes"])
        try:
            answer = outcome_of_body(site, head["feed"], body, is_bundle=head["is_bundle"])
        except Exception:  # noqa: BLE001 - whatever it is, the body is kept; its text may hold a part of it
            answer = {}
        answered.write(json.dumps(answer).encode() + b"\n")
        answered.flush()


def main() -> None:
    """Serves on its pipes; whatever a library prints goes nowhere. A listener that is killed leaves it nothing to end."""
    end_with_parent()
    answered = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    serve(Site(Path(sys.argv[1])), sys.stdin.buffer, answered)


if __name__ == "__main__":
    main()
