"""What a person says of an alert, and what follows at once where it is the word of a laboratory: whoever it concerns is judged again.

The laboratory confirmed results that had moved together: they are in doubt no longer. That is taken back: they are again, if what is
known still says so (cmvmon.run.judging.in_doubt).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.moved_together import MovedTogether, is_taken_back, is_word, word_stands
from cmvmon.episodes import SYSTEM
from cmvmon.run.answers import answering
from cmvmon.run.answers.answering import Event, Page
from cmvmon.run.daytime.refresh import refresh
from cmvmon.run.judging.in_doubt import concerned
from cmvmon.shell.alerts import alert_history, alert_store, work_facts
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.clock import moment_after_a_word
from cmvmon.shell.work.opening import held, open_site


@dataclass(frozen=True)
class Answered:
    """An answer that is recorded, and what follows from it.

    Attributes:
        event: the row of `alert_events`.
        about: whose results were confirmed, or are in doubt again; empty where it is no word of a laboratory.
        kind, trouble: why whoever it concerns could not be judged at once and waits for the next night: the kind of the error, and a
            sentence without the text of an error that is not ours. Empty: they were judged, or nobody had to be.
    """

    event: Event
    about: tuple[MovedTogether, ...] = ()
    kind: str = ""
    trouble: str = ""


def acknowledge(root: Path, alert_id: str, **said: Any) -> Answered:
    """As `answering.acknowledge`, with the same arguments; where the laboratory confirmed its results, they are judged again."""
    event = answering.acknowledge(root, alert_id, **said)
    return _judged_again(root, event, said.get("page")) if is_word(event) else Answered(event)


def reopen(root: Path, alert_id: str, **said: Any) -> Answered:
    """As `answering.reopen`, with the same arguments; where that takes the laboratory's word back, its results are judged again."""
    event = answering.reopen(root, alert_id, **said)
    return _judged_again(root, event, said.get("page"))


def is_judged(connection: sa.Connection, events: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether whoever it concerns was judged after the last word on a laboratory; None where the last thing said is none.

    Args:
        events: what happened to one alert, in order; what the judgement made of it after the word is left out.
    """
    told = [one for one in events if one["actor"] != SYSTEM]
    if not told or not _is_of_laboratory(told):
        return None
    last = told[-1]
    return alert_store.is_judged_since(connection, last["changed_at"], scope=last["alert_id"])


def _is_of_laboratory(events: list[Mapping[str, Any]]) -> bool:
    """Whether the last of these events is the word of a laboratory, or takes it back."""
    return is_word(events[-1]) or (is_taken_back(events[-1]) and word_stands(events[:-1]))


def _judged_again(root: Path, event: Event, page: Page | None) -> Answered:
    """Everybody with a result of those assays since then, and their pages. The word stands whatever keeps that from being done: what
    stops an assessment is alerted by itself, and the next night judges everybody."""
    facts = work_facts.each_fact(event["evidence"]) if work_facts.codes_of(event) else []
    about = tuple(moved for fact in facts if (moved := work_facts.moved_of(fact)) is not None)
    if not about:
        return Answered(event)
    try:
        with held(Site(root), wait_s=None if page is None else page.wait_s), open_site(root) as opened:
            with opened.reading() as connection:
                events = alert_history.events_of(connection, alert_id=event["alert_id"])
            if not _is_of_laboratory([one for one in events if one["sequence"] <= event["sequence"]]):
                return Answered(event)
            at = moment_after_a_word(opened)
            refresh(opened, concerned(opened, event["evidence"], as_of=at), as_of=at, scope=event["alert_id"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is recorded; its text may hold what it stumbled over
        kind = type(error).__name__
        return Answered(event, about, kind, str(error) if isinstance(error, CmvmonError) else f"unexpected {kind}")
    return Answered(event, about)
