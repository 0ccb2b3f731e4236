"""The commands that list what a site holds: alerts and quarantine."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, SiteOption, alerts_app, quarantine_app


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
                ("alert_id", "tier", "state", "rule", "patient_id", "compartment", "feed", "opened_at", "sentence"),
                "no open alerts",
            )
        )


@quarantine_app.command("list")
def quarantine_list(as_json: Json = False, site: SiteOption = HERE) -> None:
    """What waits in quarantine: where it is, and why. No delivered text."""
    from cmvmon.run.queries import listed_quarantine

    rows = listed_quarantine(site)
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
    else:
        print(
            printing.table(
                rows,
                ("record", "feed", "table_name", "file_name", "line", "column", "reason", "remedy"),
                "nothing in quarantine",
            )
        )


@quarantine_app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="The record's name, as `quarantine list` prints it.")],
    site: SiteOption = HERE,
) -> None:
    """One record with its delivered text. It may hold patient data: look at it on the site only."""
    from cmvmon.run.queries import quarantined_record

    print(json.dumps(quarantined_record(site, record), sort_keys=True, indent=2, ensure_ascii=False))
