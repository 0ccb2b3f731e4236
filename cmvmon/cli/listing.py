"""The command that lists the alerts of a site."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, SiteOption, alerts_app


@alerts_app.command("list")
def alerts_list(
    every: Annotated[bool, typer.Option("--all", help="Resolved and closed ones too.")] = False,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """The alerts as they stand, by tier and age."""
    from cmvmon.run.asking.queries import listed_alerts

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
