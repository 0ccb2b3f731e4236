"""The pages of any moment, in a folder of their own: nothing is taken in, no alert and no page of the site changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.episodes import FACTS, OPEN, STAY_ENDED, UNJUDGED, Word, subject_of
from cmvmon.facts.stays import STAYS
from cmvmon.run.assessing import assessed
from cmvmon.run.publish import Published, publish
from cmvmon.shell import alert_history
from cmvmon.shell.session import open_site
from cmvmon.shell.site import Site
from cmvmon.shell.stamp import Stamp


def show(root: Path, out: Path, *, as_of: datetime, method: str | None = None) -> Published:
    """Writes into `out` the pages of what was known at `as_of`, with the alerts that a night then would leave open.

    Raises SiteError where the site has no database, or `out` lies in the site or holds anything else than pages.
    """
    site = Site(root).require()
    if out.resolve().is_relative_to(site.root.resolve()):
        raise SiteError(f"--out {out} lies in the site; name a folder outside it")
    if out.exists() and any(path.suffix not in (".html", ".js") for path in out.iterdir()):
        raise SiteError(f"--out {out} holds other files than pages; name a new or empty folder")
    with open_site(root, method=method) as opened:
        assessment = assessed(opened, as_of=as_of)
        with opened.reading() as connection:
            stood = alert_history.standing_at(connection, as_of)
        discharged = frozenset(assessment.facts.of(STAYS).filter("is_discharged")["patient_id"])
        alerts = _after_a_night(stood, assessment.verdicts.to_dicts(), opened.stamp(as_of), discharged)
        return publish(opened, assessment, as_of=as_of, into=out, standing=alerts)


def _after_a_night(
    stood: Iterable[Mapping[str, Any]],
    verdicts: Iterable[Mapping[str, Any]],
    stamp: Stamp,
    discharged: Collection[str],
) -> list[Mapping[str, Any]]:
    """The open alerts, had these verdicts been recorded at that moment."""
    latest = {subject_of(row): row for row in sorted(stood, key=lambda row: (row["opened_at"], row["changed_at"]))}
    said: dict[tuple[Any, ...], Mapping[str, Any]] = {subject_of(row): row for row in verdicts}
    for subject in {**latest, **said}:
        row = said.get(subject)
        if row is None and latest[subject]["rule"] == words.OPERATIONS:
            continue
        facts = None if row is None else {name: getattr(stamp, name, None) or row[name] for name in FACTS}
        of_whom = (row or latest[subject])["patient_id"]
        verdict = UNJUDGED if row is None else row["verdict"]
        word = Word(STAY_ENDED if of_whom in discharged else verdict, stamp.as_of, facts)
        event = episodes.event(row or latest[subject], latest.get(subject), word)
        if event is not None:
            latest[subject] = event
    return sorted(
        (row for row in latest.values() if row["state"] == OPEN),
        key=lambda row: (row["tier"], row["opened_at"], row["alert_id"]),
    )
