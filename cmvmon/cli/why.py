"""The commands that say why: of an alert, and of a rule. `why` speaks one language; names of facts and files stay as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, SiteOption, app, rules_app
from cmvmon.cli.why_conditions import conditions_table
from cmvmon.cli.why_rests_on import rests_on_lines
from cmvmon.cli.why_values import exactly, moment_text, number_text, shortly, unit_text, verdict_text

if TYPE_CHECKING:
    from cmvmon.text import Language


@app.command()
def why(
    alert: Annotated[
        str | None, typer.Argument(metavar="[ALERT]", help="Its id, or how it begins; see `alerts list`.")
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option("--patient", metavar="ID", help="Instead: what every rule says of a patient, alert or none."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="RULE", help="With --patient: of this rule alone.")
    ] = None,
    all_: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Every question that the rule asks, also of what does not hold, and the source of each number.",
        ),
    ] = False,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Why an alert stands, what would have changed it, and where one would change it; or why a patient has none."""
    if patient is not None and all_:
        raise typer.BadParameter("--all is of one alert: give its id in place of --patient")
    if patient is not None and alert is None:
        from cmvmon.cli.why_patient import of_patient

        of_patient(site, patient, rule, lang=lang, as_json=as_json)
        return
    if alert is None or patient is not None or rule is not None:
        raise typer.BadParameter(
            "give the id of an alert, or --patient ID (and with it --rule RULE, if one is asked about)"
        )
    from cmvmon.run.asking.plain_values import plainly
    from cmvmon.run.asking.why_query import explained

    found = explained(site, alert, lang=lang)
    if as_json:
        print(printing.shown_json(plainly(found)))
        return
    print(answer(found, printing.terminal_width(), is_whole=all_))


def answer(found: dict[str, Any], width: int, *, is_whole: bool = False) -> str:
    """What `cmvmon why ALERT` prints of an answer of `explained`, in lines of at most `width`; 0: whole lines.

    `is_whole`: with every question that the rule asks, also of what does not hold.
    """
    from cmvmon.text import language

    spoken = language(found["language"])
    where = f"{_tipped(found, spoken)}\n\n{spoken.say('why.where')}\n{_where(found['where'], spoken, sourced=is_whole)}"
    parts = (
        printing.wrapped(_standing(found, spoken), width),
        conditions_table(found, spoken, width, is_whole=is_whole),
        printing.wrapped(f"\n{spoken.say('why.changed')}", width),
        _turns(found, spoken, width),
        printing.wrapped(where, width),
    )
    return "\n".join(parts)


@rules_app.command("list")
def rules_list(lang: Lang = None, as_json: Json = False, site: SiteOption = HERE) -> None:
    """Every rule, with its title, its tiers, and who signs its numbers."""
    from cmvmon.run.asking.rule_query import listed_rules

    rows = listed_rules(site, lang=lang)
    columns = ("rule", "title", "subject", "tiers", "strength", "owner", "disabled")
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
    from cmvmon.run.asking.rule_query import shown_rule
    from cmvmon.text import language

    found = shown_rule(site, code)
    if as_json:
        print(printing.shown_json(found))
        return
    where = _where(found, language("en"))  # as the leaflet
    print(printing.wrapped(f"{found['leaflet']}\n\n{where}", printing.terminal_width()))


def _standing(found: dict[str, Any], spoken: Language) -> str:
    head = spoken.say(
        "why.head",
        title=found["title"],
        rule=found["rule"],
        tier=spoken.word("tier", str(found["tier"])),
        moment=moment_text(found["judged_at"], found, spoken),
    )
    said = " ".join(text for text in (found["sentence"], found["details"]) if text)
    rested = [spoken.say("rested.title"), *found["rested_on_it"]["says"]] if found["rested_on_it"] else []
    return "\n".join(
        (head, said, *rests_on_lines(found, found, spoken), *rested, *found["stated_by"], "", spoken.say("why.why"))
    )


def _turns(found: dict[str, Any], spoken: Language, width: int) -> str:
    return turns_table([(turn, {}) for turn in found["turns"]], found, spoken, width)


def turns_table(
    turns: list[tuple[dict[str, Any], dict[str, str]]], found: dict[str, Any], spoken: Language, width: int
) -> str:
    """What would change a verdict, a line each. Beside a turn: the texts that go before it, by column, the same of each."""
    from cmvmon.text.why_words import column_in_words

    before = list(turns[0][1]) if turns else []
    columns = (*before, *(spoken.say(f"why.column.{name}") for name in ("column", "now", "at", "then")))
    told = (
        (
            *beside.values(),
            column_in_words(turn["column"], spoken),
            shortly(turn["now"], found, spoken),
            exactly(turn["at"], found, spoken),
            verdict_text(turn["verdict"], spoken),
        )
        for turn, beside in turns
    )
    rows = [dict(zip(columns, texts, strict=True)) for texts in told]
    return printing.table_within(rows, columns, spoken.say("why.nothing"), width)


def _tipped(found: dict[str, Any], spoken: Language) -> str:
    tipped = found["tipped_by"]
    named = ""
    if tipped["result_id"]:
        moment = moment_text(tipped["collected_at"], found, spoken)
        named = spoken.say("why.tipped_named", result=tipped["result_id"], moment=moment) + " "
    return spoken.say("why.tipped", named=named, says=tipped["says"])


def _where(found: dict[str, Any], spoken: Language, *, sourced: bool = True) -> str:
    """Where each number, the logic and the words stand; `sourced`: and the source of each stanza, which an answer names on top."""
    numbers = [
        f"{n['file']} [{n['stanza']}] {n['key']} = {number_text(n['value'], spoken)}{unit_text(n['unit'], spoken)}"
        for n in found["numbers"]
    ]
    rows = found.get("rows", [])
    numbers += [f"{row['file']} [{row['stanza']}] {row['row']}" for row in rows]
    sources = sorted({_source(n, spoken) for n in (*found["numbers"], *rows)}) if sourced else []
    files = (spoken.say("why.logic", file=found["logic"]), spoken.say("why.words", files=", ".join(found["words"])))
    return "\n".join([*numbers, *files, *sources])


def _source(number: dict[str, Any], spoken: Language) -> str:
    from cmvmon.text.provenance import owner_in_words, strength_in_words

    told = {name: number[name] for name in ("stanza", "source")}
    words = {
        "strength": strength_in_words(number["strength"], spoken),
        "owner": owner_in_words(number["owner"], spoken),
    }
    return spoken.say("why.source", **told, **words)
