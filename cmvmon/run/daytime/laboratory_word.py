"""What a person says of an alert, and what follows at once where it is the word of a laboratory: whoever it concerns is judged again.

The laboratory confirmed results that had moved together: they are in doubt no longer. That is taken back: they are again, if what is
known still says so (cmvmon.run.judging.in_doubt).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from cmvmon.domain import words
from cmvmon.domain.errors import AlreadyRunning, ClockInDoubt, ContractBroken, ProtocolError
from cmvmon.domain.moved_together import is_word
from cmvmon.run.answers import answering
from cmvmon.run.answers.answering import Event, Page
from cmvmon.run.daytime.refresh import refresh
from cmvmon.run.judging.in_doubt import concerned
from cmvmon.shell.alerts import work_facts
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.clock import moment_after_a_word
from cmvmon.shell.work.opening import held, open_site

_FOLLOWS_LATER = (AlreadyRunning, ClockInDoubt, ContractBroken, ProtocolError)


def acknowledge(root: Path, alert_id: str, **said: Any) -> Event:
    """As `answering.acknowledge`, with the same arguments; where the laboratory confirmed its results, they are judged again."""
    event = answering.acknowledge(root, alert_id, **said)
    if is_word(event):
        _judge_again(root, event, said.get("page"))
    return event


def reopen(root: Path, alert_id: str, **said: Any) -> Event:
    """As `answering.reopen`, with the same arguments; where that takes the laboratory's word back, its results are judged again."""
    event = answering.reopen(root, alert_id, **said)
    if words.LABORATORY_IN_DOUBT in work_facts.codes_of(event):
        _judge_again(root, event, said.get("page"))
    return event


def _judge_again(root: Path, event: Event, page: Page | None) -> None:
    """Everybody with a result of those assays since then, and their pages. The word stands whatever keeps that from being done: what
    stops an assessment is alerted by itself, and the next night judges everybody."""
    wait_s = None if page is None else page.wait_s
    with suppress(*_FOLLOWS_LATER), held(Site(root), wait_s=wait_s), open_site(root) as opened:
        at = moment_after_a_word(opened)
        refresh(opened, concerned(opened, event["evidence"], as_of=at), as_of=at, scope=event["alert_id"])
