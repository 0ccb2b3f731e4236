"""The commands that say why: of an alert, and of a rule. `why` speaks one language; names of facts and files stay as they are."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, SiteOption, app, rules_app

if TYPE_CHECKING:
    from cmvmon.text import Language

_MINUTE = timedelta(minutes=1)


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
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Why an alert stands, what would have changed it, and where one would change it; or why a patient has none."""
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
    from cmvmon.text import language

    found = explained(site, alert, lang=lang)
    if as_json:
        print(printing.shown_json(plainly(found)))
        return
    spoken, width = language(found["language"]), printing.terminal_width()
    print(printing.wrapped(_standing(found, spoken), width))
    print(_conditions(found, spoken, width))
    print(printing.wrapped(f"\n{spoken.say('why.changed')}", width))
    print(_turns(found, spoken, width))
    where = f"{_tipped(found, spoken)}\n\n{spoken.say('why.where')}\n{_where(found['where'], spoken)}"
    print(printing.wrapped(where, width))


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
    results = [spoken.say("alerts.results", results=", ".join(found["rests_on"]))] if found["rests_on"] else []
    rested = [spoken.say("rested.title"), *found["rested_on_it"]["says"]] if found["rested_on_it"] else []
    return "\n".join((head, said, *results, *rested, *found["stated_by"], "", spoken.say("why.why")))


def _conditions(found: dict[str, Any], spoken: Language, width: int) -> str:
    columns = ("", spoken.say("why.is"), spoken.say("why.known_that"))
    asked = found["conditions"]
    # What a condition is joined from stands beneath it, question by question: joined, nobody could read it.
    is_joined = [
        not one["depth"] and after is not None and bool(after["depth"]) for one, after in zip_longest(asked, asked[1:])
    ]
    lines = [
        dict(
            zip(
                columns,
                (_part(one, spoken), _truth(one["holds"], spoken), "" if joined else _question(one, found, spoken)),
                strict=True,
            )
        )
        for one, joined in zip(asked, is_joined, strict=True)
    ]
    return printing.table_within(lines, columns, "", width)


def _turns(found: dict[str, Any], spoken: Language, width: int) -> str:
    return turns_table([(turn, {}) for turn in found["turns"]], found, spoken, width)


def turns_table(
    turns: list[tuple[dict[str, Any], dict[str, str]]], found: dict[str, Any], spoken: Language, width: int
) -> str:
    """What would change a verdict, a line each. Beside a turn: the texts that go before it, by column, the same of each."""
    before = list(turns[0][1]) if turns else []
    columns = (*before, *(spoken.say(f"why.column.{name}") for name in ("column", "now", "at", "then")))
    told = (
        (
            *beside.values(),
            turn["column"],
            shortly(turn["now"], found, spoken),
            exactly(turn["at"], found, spoken),
            verdict_text(turn["verdict"], spoken),
        )
        for turn, beside in turns
    )
    rows = [dict(zip(columns, texts, strict=True)) for texts in told]
    return printing.table_within(rows, columns, spoken.say("why.nothing"), width)


def _part(one: dict[str, Any], spoken: Language) -> str:
    """What a condition decides; empty for a question inside it."""
    if one["depth"]:
        return ""
    word, _, rest = one["part"].partition(" ")
    return f"{spoken.say(f'why.part.{word}')} {rest}".strip()


def _tipped(found: dict[str, Any], spoken: Language) -> str:
    tipped = found["tipped_by"]
    named = ""
    if tipped["result_id"]:
        moment = moment_text(tipped["collected_at"], found, spoken)
        named = spoken.say("why.tipped_named", result=tipped["result_id"], moment=moment) + " "
    return spoken.say("why.tipped", named=named, says=tipped["says"])


def _where(found: dict[str, Any], spoken: Language) -> str:
    numbers = [
        f"{n['file']} [{n['stanza']}] {n['key']} = {_number(n['value'], spoken)}{_unit(n['unit'], spoken)}"
        for n in found["numbers"]
    ]
    rows = found.get("rows", [])
    numbers += [f"{row['file']} [{row['stanza']}] {row['row']}" for row in rows]
    sources = sorted({_source(n, spoken) for n in (*found["numbers"], *rows)})
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


def _question(one: dict[str, Any], found: dict[str, Any], spoken: Language) -> str:
    from cmvmon.text.why_words import condition_in_words

    says = condition_in_words(one["says"], spoken)
    if not one["depth"] and one["left"] is None:
        return says
    left, right = (shortly(one[side], found, spoken) for side in ("left", "right"))
    sides = left if one["right"] is None else spoken.say("why.against", left=left, right=right)
    return f"{'  ' * one['depth']}{says}  [{sides}]"


def verdict_text(written: str, spoken: Language) -> str:
    """What a verdict would be, as `cmvmon.rules.explaining.verdict_with` writes it, in words."""
    from cmvmon.text.values import reason_in_words

    if written.startswith("alert tier "):
        tier = spoken.word("tier", written.removeprefix("alert tier "))
        return f"{spoken.word('verdict', 'alert')} ({tier})"
    code, _, reason = written.partition(" (")
    if code == "not judged":
        return spoken.say("why.not_judged")
    return (
        f"{spoken.word('verdict', code)} ({reason_in_words(reason[:-1], spoken)})"
        if reason
        else spoken.word("verdict", code)
    )


def shortly(value: object, found: dict[str, Any], spoken: Language) -> str:
    if isinstance(value, datetime):
        return moment_text(value, found, spoken)
    if isinstance(value, timedelta):
        return spoken.count("days", round(value / timedelta(days=1)))
    if isinstance(value, bool) or value is None:
        return _truth(value, spoken)
    if isinstance(value, int | float):
        return _number(value, spoken)
    from cmvmon.text.why_words import code_in_words

    return code_in_words(str(value), spoken)


def exactly(value: object, found: dict[str, Any], spoken: Language) -> str:
    """A value at which a verdict turns: on which side of a short one it lies is what matters."""
    if isinstance(value, datetime):
        whole = value.replace(second=0, microsecond=0)
        if value == whole:
            return moment_text(value, found, spoken)
        is_after = value - whole < _MINUTE / 2
        near = moment_text(whole if is_after else whole + _MINUTE, found, spoken)
        return spoken.say("why.just_after" if is_after else "why.just_before", value=near)
    if not isinstance(value, float) or value == float(f"{value:.6g}"):
        return shortly(value, found, spoken)
    short = float(f"{value:.6g}")
    return spoken.say("why.just_below" if value < short else "why.just_above", value=_number(short, spoken))


def moment_text(moment: datetime, found: dict[str, Any], spoken: Language) -> str:
    """To the minute, in the site's zone."""
    return spoken.moment(moment, found["time_zone"])


def _number(value: float, spoken: Language) -> str:
    """Six significant digits at most, as the language writes them."""
    text = f"{value:.6g}"
    return text if "e" in text else spoken.number(value, len(text.partition(".")[2]))


def _unit(unit: str, spoken: Language) -> str:
    key = f"unit.{unit.replace('/', '_per_').replace(' ', '_').lower()}"
    return f" {spoken.say(key) if spoken.has(key) else unit}" if unit else ""


def _truth(holds: bool | None, spoken: Language) -> str:
    return spoken.say("unknown") if holds is None else spoken.say("why.true" if holds else "why.false")
