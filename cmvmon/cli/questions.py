"""The commands that answer a question about the site's patients: nothing is recorded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, AsOf, Json, Lang, SiteOption, app, moment_of
from cmvmon.domain.errors import SiteError

_SHOWN = (
    "scope",
    "patient_id",
    "followed_compartment",
    "compartment",
    "n_patients",
    "n_pairs",
    "n_changes_clear",
    "n_changes_agreeing",
    "direction_agreement",
    "direction_agreement_low",
    "direction_agreement_high",
    "agreement_by_chance",
    "rank_correlation",
    "lag_days",
    "answer",
)

_SHOWN_NEXT = (
    "patient_id",
    "compartment",
    "laboratory",
    "assay",
    "anchor_at",
    "next_sample_at",
    "probability_decisive",
    "call_if_not_detected",
)

_SHOWN_UNIT = ("figure", "group", "at", "unit", "n", "n_events", "estimate", "low", "high", "median", "reason")
_SHOWN_SAID = ("patient_id", "subject", "rule", "verdict", "reason", "tier", "as_of")
_SHOWN_DECLINE = (
    "patient_id",
    "compartment",
    "laboratory",
    "assay",
    "treatment_week",
    "mean_decline_log10_per_week",
    "call",
    "status",
    "as_of",
)


def _asked(as_of: str | None, site: Path) -> datetime:
    """The moment in question, not after now: of what is to come nothing is known. Raises SiteError."""
    from cmvmon.shell.store.session import now

    moment: datetime = moment_of(as_of, site)
    if moment > now():
        raise SiteError(
            f"--as-of {moment.isoformat()} is still to come, and nothing is known of it; leave it out, or give a moment that was"
        )
    return moment


@app.command()
def said(
    as_of: Annotated[str, typer.Option("--as-of", help="The moment in question, ISO 8601.")],
    patient: Annotated[str | None, typer.Option("--patient", help="One patient; without it, everyone.")] = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """What was said at a moment, as it was recorded then. `as_of` in a row: since when it had been said so."""
    from cmvmon.run.asking.said_query import said as asked

    found = asked(site, as_of=_asked(as_of, site), patient=patient)
    if as_json:
        print(printing.shown_json(found))
        return
    print(printing.table(found["verdicts"], _SHOWN_SAID, "no verdict stood"))
    print(printing.table(found["weekly_decline"], _SHOWN_DECLINE, "no decline stood"))


@app.command()
def concordance(
    patient: Annotated[str | None, typer.Option("--patient", help="One patient, beside the unit.")] = None,
    as_of: AsOf = None,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Whether blood follows the other compartments, for the unit and for each patient who has pairs of samples."""
    from cmvmon.run.asking.concordance_query import compared

    rows = compared(site, as_of=_asked(as_of, site), patient=patient, lang=lang)
    if as_json:
        print(printing.shown_json(rows))
        return
    print(printing.table(rows, _SHOWN, "no patient has a sample of blood and of another compartment"))
    for row in rows:
        print(printing.visible(f"{row['patient_id'] or '-'}: {row['sentence']}"))


@app.command()
def unit(as_of: AsOf = None, as_json: Json = False, site: SiteOption = HERE) -> None:
    """CMV on the unit over time, as known at a moment: reactivation, response, clearance, concordance, alerts. The unit's page has the
    same numbers as of the last night: give its moment by --as-of, or they differ by what became known since, and by time."""
    from cmvmon.run.asking.unit_query import unit_rows

    moment = _asked(as_of, site)
    rows = unit_rows(site, as_of=moment)
    if as_json:
        print(printing.shown_json(rows))
        return
    print(f"as of {moment.isoformat(timespec='seconds')}")
    print(printing.table(rows, _SHOWN_UNIT, "nothing is known of the unit yet"))


@app.command("next-sample")
def next_sample(
    patient: Annotated[str, typer.Option("--patient", help="The patient.")],
    as_of: AsOf = None,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """When one more sample would probably settle a call that is open. Information, never an order."""
    from cmvmon.run.asking.next_sample_query import asked

    answer = asked(site, patient=patient, as_of=_asked(as_of, site), lang=lang)
    if as_json:
        print(printing.shown_json(answer.rows))
        return
    print(printing.table(answer.rows, _SHOWN_NEXT, answer.in_words))
    for row in answer.rows:
        print(f"{row['compartment']}: {row['sentence']}")
