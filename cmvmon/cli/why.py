"""The commands that say why: of an alert, and of a rule."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, SiteOption, app, rules_app

_HOLDS = {True: "true", False: "false", None: "unknown"}


@app.command()
def why(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how it begins; see `alerts list`.")],
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Why an alert stands, what would have changed it, and where one would change it."""
    from cmvmon.run.why_query import explained

    found = explained(site, alert, lang=lang)
    if as_json:
        print(json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False))
        return
    width = printing.terminal_width()
    print(printing.wrapped(_standing(found), width))
    lines = [
        {"": one["part"] if not one["depth"] else "", "is": _HOLDS[one["holds"]], "known that": _question(one)}
        for one in found["conditions"]
    ]
    print(printing.table_within(lines, ("", "is", "known that"), "", width))
    print(printing.wrapped("\nWHAT WOULD HAVE CHANGED IT (one at a time)", width))
    turns = [
        {"fact or number": t["column"], "is": _short(t["now"]), "at": _exactly(t["at"]), "then": t["verdict"]}
        for t in found["turns"]
    ]
    print(printing.table_within(turns, ("fact or number", "is", "at", "then"), "nothing by itself", width))
    print(printing.wrapped(f"{_tipped(found['tipped_by'])}\n\nWHERE TO CHANGE IT\n{_where(found['where'])}", width))


@rules_app.command("list")
def rules_list(lang: Lang = None, as_json: Json = False, site: SiteOption = HERE) -> None:
    """Every rule, with its title, its tiers, and who signs its numbers."""
    from cmvmon.run.rule_query import listed_rules

    rows = listed_rules(site, lang=lang)
    columns = ("rule", "title", "subject", "tiers", "strength", "owner")
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
        return
    print(printing.table_within(rows, columns, "no rules", printing.terminal_width()))


@rules_app.command("show")
def rules_show(
    code: Annotated[str, typer.Argument(help="The rule, as `rules list` names it.")],
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """What a rule watches, and where its numbers, its logic and its words stand."""
    from cmvmon.run.rule_query import shown_rule

    found = shown_rule(site, code)
    if as_json:
        print(json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False))
        return
    print(printing.wrapped(f"{found['leaflet']}\n\n{_where(found)}", printing.terminal_width()))


def _standing(found: dict[str, Any]) -> str:
    head = f"{found['title']} ({found['rule']}), tier {found['tier']}, judged at {found['judged_at']}"
    return f"{head}\n{found['sentence']}\n\nWHY"


def _tipped(tipped: dict[str, Any]) -> str:
    named = f" {tipped['result_id']} of {tipped['collected_at']}" if tipped["result_id"] else ""
    return f"result that tipped it:{named} ({tipped['says']})"


def _where(found: dict[str, Any]) -> str:
    numbers = [
        f"{n['file']} [{n['stanza']}] {n['key']} = {n['value']:g}{' ' + n['unit'] if n['unit'] else ''}"
        for n in found["numbers"]
    ]
    sources = sorted(
        {f"source of [{n['stanza']}] ({n['strength']}; {n['owner']}): {n['source']}" for n in found["numbers"]}
    )
    return "\n".join([*numbers, f"logic: {found['logic']}", f"words: {', '.join(found['words'])}", *sources])


def _question(one: dict[str, Any]) -> str:
    if not one["depth"] and one["left"] is None:
        return str(one["says"])
    sides = " against ".join(_short(one[side]) for side in ("left", "right") if side == "left" or one[side] is not None)
    return f"{'  ' * one['depth']}{one['says']}  [{sides}]"


def _short(value: object) -> str:
    return "unknown" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _exactly(value: object) -> str:
    """A value at which a verdict turns: on which side of a short number it lies is what matters."""
    if not isinstance(value, float) or value == float(f"{value:.6g}"):
        return _short(value)
    near = float(f"{value:.6g}")
    return f"just {'below' if value < near else 'above'} {near:.6g}"
