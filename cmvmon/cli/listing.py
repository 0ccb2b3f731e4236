"""The commands that list what a site holds: alerts and quarantine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, MadeSite, SiteOption, alerts_app, quarantine_app

Meant = Annotated[
    str,
    typer.Argument(
        metavar="RECORD", help="As `quarantine list` prints it, or the delivery in it for all of its records."
    ),
]
Why = Annotated[str, typer.Option("--why", help="In a few words, without a patient's name or number.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; without it, this machine's user.")]


@alerts_app.command("list")
def alerts_list(
    every: Annotated[bool, typer.Option("--all", help="Resolved and closed ones too.")] = False,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """The alerts as they stand, by tier and age."""
    from cmvmon.run.queries import listed_alerts

    rows = listed_alerts(site, every=every, lang=lang)
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
    else:
        print(
            printing.table(
                rows,
                (
                    "alert_id",
                    "tier",
                    "standing",
                    "rule",
                    "patient_id",
                    "compartment",
                    "feed",
                    "opened_at",
                    "answered_by",
                    "until",
                    "sentence",
                ),
                "no open alerts",
            )
        )


@quarantine_app.command("list")
def quarantine_list(
    answered: Annotated[bool, typer.Option("--answered", help="What was closed or ignored, by whom and why.")] = False,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """What waits in quarantine: where it is, why, and how many deliveries brought it. No delivered text."""
    from cmvmon.run import quarantine_answers

    rows = quarantine_answers.answered(site) if answered else quarantine_answers.listed_quarantine(site)
    columns: tuple[str, ...] = (
        "record",
        "feed",
        "table_name",
        "file_name",
        "line",
        "times",
        "column",
        "reason",
        "remedy",
    )
    if answered:
        columns = ("record", "feed", "table_name", "answer", "answered_at", "actor", "why")
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
    else:
        print(
            printing.table(
                rows,
                columns,
                "nothing was closed or ignored" if answered else "nothing in quarantine",
            )
        )


@quarantine_app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="The record's name, as `quarantine list` prints it.")],
    site: SiteOption = HERE,
) -> None:
    """One record with its delivered text. It may hold patient data: look at it on the site only."""
    from cmvmon.run.quarantine_answers import quarantined_record

    print(printing.shown_json(quarantined_record(site, record)))


@quarantine_app.command("close")
def quarantine_close(record: Meant, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Says that a record was dealt with: it waits no longer, and so do its repeats until now."""
    _answer(site, record, "closed", why, by)


@quarantine_app.command("ignore")
def quarantine_ignore(record: Meant, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Says that a record is never followed: neither now nor when it is delivered again."""
    _answer(site, record, "ignored", why, by)


@quarantine_app.command("reopen")
def quarantine_reopen(
    record: Annotated[str, typer.Argument(help="As `quarantine list --answered` prints it.")],
    why: Why,
    by: By = None,
    site: MadeSite = HERE,
) -> None:
    """Takes such a word back: the record waits again."""
    from cmvmon.run.quarantine_answers import reopen

    reopen(site, record, why=why, actor=by)
    print("it waits again, from the next night on")


def _answer(site: Path, record: str, answer: str, why: str, by: str | None) -> None:
    from cmvmon.run.quarantine_answers import answer_quarantine

    n = answer_quarantine(site, record, answer=answer, why=why, actor=by)
    print(
        f"{n} record(s) {answer}; pages and alerts follow with the next night (`quarantine list --answered`, `reopen`)"
    )
