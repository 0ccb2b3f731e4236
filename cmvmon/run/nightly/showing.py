"""The pages of any moment, in a folder of their own: nothing is taken in, no alert and no page of the site changes."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.episodes import OPEN, subject_of
from cmvmon.run.judging.assessing import assessed, ends_of_alerts, switched_off
from cmvmon.run.pages.publish import Published, publish
from cmvmon.shell.alerts import alert_history
from cmvmon.shell.alerts.alert_decisions import decided
from cmvmon.shell.alerts.alert_events import said_before
from cmvmon.shell.as_known import moments
from cmvmon.shell.folder.site import Site
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import open_site


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
            one, off = links(connection, as_of=as_of), switched_off(connection, as_of=as_of)
            ends = ends_of_alerts(assessment, one, off)
            again = moments.stood_again_by(connection, as_of)
        latest = {subject_of(row): row for row in sorted(stood, key=lambda row: (row["opened_at"], row["changed_at"]))}
        of_patients = {subject: row for subject, row in latest.items() if row["rule"] != words.OPERATIONS}
        rows = assessment.verdicts.to_dicts()
        stamp = opened.stamp(as_of)
        with opened.reading() as connection:
            events = decided(
                of_patients,
                rows,
                ends,
                stamp=stamp,
                judged_at={},
                brings_news=False,
                said_before=partial(said_before, connection, until=as_of),
                stands_again=again,
            )
        after = latest | {subject_of(event): event for event in events}
        standing = sorted(
            (row for row in after.values() if row["state"] == OPEN),
            key=lambda row: (row["tier"], row["opened_at"], row["alert_id"]),
        )
        return publish(opened, assessment, as_of=as_of, into=out, standing=standing)
