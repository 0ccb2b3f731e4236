"""The command that says what waits for whom. In one language, its moments by the clocks of the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, AsOf, Json, Lang, MadeSite, app, moment_of

if TYPE_CHECKING:
    from cmvmon.run.asking.worklist import Worklist
    from cmvmon.text import Language

_ALERTS = ("for_whom", "alert_id", "tier", "title", "patient_id", "place", "opened_at", "standing")
_SAMPLES = ("due_on", "patient_id", "place", "is_overdue")
_ORDERS = ("ordered_at", "collected_at", "patient_id", "place")


@app.command("worklist")
def worklist(
    for_whom: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="The alerts that wait for one owner, such as pharmacist; without it, all. Part of a name will do.",
        ),
    ] = None,
    as_of: AsOf = None,
    lang: Lang = None,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """What waits for whom: alerts that nobody has acknowledged, by the owner of their rule, and samples expected, by day."""
    from cmvmon.run.asking.worklist import worklist as waiting
    from cmvmon.text import language

    found = waiting(site, as_of=moment_of(as_of, site), for_whom=for_whom, lang=lang)
    if as_json:
        told = {"alerts": found.alerts, "samples": found.samples, "orders": found.orders, "trouble": found.trouble}
        print(printing.shown_json(told))
        return
    spoken = language(found.language)
    if found.trouble:
        print(f"{printing.visible(found.trouble)}\n")
    parts = [_table(found.alerts, _ALERTS, "alerts", found, spoken)]
    if not found.trouble:
        parts.append(_table(found.samples, _SAMPLES, "samples", found, spoken))
        parts.append(_table(found.orders, _ORDERS, "orders", found, spoken))
    print("\n\n".join(parts))


def _table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], what: str, found: Worklist, spoken: Language
) -> str:
    from cmvmon.run.asking.worklist import cell_in_words

    names = [spoken.say(f"worklist.column.{name}") for name in columns]
    lines = [
        dict(zip(names, (cell_in_words(name, row, found, spoken) for name in columns), strict=True)) for row in rows
    ]
    return printing.table(lines, names, spoken.say(f"worklist.no_{what}"))
