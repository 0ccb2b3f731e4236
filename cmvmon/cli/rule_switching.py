"""The commands that switch a rule off and on on a site, and that try one without recording anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, AsOf, Json, MadeSite, moment_of, rules_app

Code = Annotated[str, typer.Argument(metavar="CODE", help="The rule, as `rules list` names it.")]
Why = Annotated[str, typer.Option("--why", help="In a few words: every page shows it.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; without it, this machine's user.")]


@rules_app.command("disable")
def disable(code: Code, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Switches a rule off here, from the next assessment on: it says nothing, and every page says who did that and why."""
    _switch(site, code, why, by, is_disabled=True)


@rules_app.command("enable")
def enable(code: Code, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Switches a rule on again."""
    _switch(site, code, why, by, is_disabled=False)


@rules_app.command("test")
def try_rule(code: Code, as_of: AsOf = None, as_json: Json = False, site: MadeSite = HERE) -> None:
    """What a rule would say of everybody now, whether it is switched off or not. Nothing is recorded."""
    from cmvmon.run.answers.rule_switching import tried

    found = tried(site, code, as_of=moment_of(as_of, site))
    if as_json:
        print(printing.shown_json(found))
        return
    print(f"{code}: {found['alert']} alert, {found['clear']} clear, {found['not_assessable']} not assessable")
    print(printing.table(found["alerts"], ("patient_id", "compartment", "tier"), "no alert"))
    if found["reasons"]:
        print(printing.table(found["reasons"], ("reason", "n"), ""))


def _switch(site: Path, code: str, why: str, by: str | None, *, is_disabled: bool) -> None:
    from cmvmon.run.answers.rule_switching import switch

    switch(site, code, is_disabled=is_disabled, why=why, actor=by)
    print(f"{code} is switched {'off' if is_disabled else 'on'}; alerts and pages follow with the next night")
