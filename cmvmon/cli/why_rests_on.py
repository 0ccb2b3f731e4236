"""What a verdict rests on, as the commands that say why print it: results, other rules, rows of tables, and what is not on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cmvmon.cli.why_values import moment_text, said_text

if TYPE_CHECKING:
    from cmvmon.text import Language


def rests_on_lines(row: dict[str, Any], found: dict[str, Any], spoken: Language) -> list[str]:
    """A line for each kind of thing that `row` rests on; `found`: the answer that it is part of, with its time zone."""
    lines = [spoken.say("alerts.results", results=_results(row["rests_on"], found, spoken))] if row["rests_on"] else []
    lines += [_follows(one, found, spoken) for one in row["follows"]]
    if row["rows"]:
        rows = ", ".join(_row(one, found, spoken) for one in row["rows"])
        lines.append(spoken.say("why.rows", rows=rows))
    if row["absent"]:
        absent = ", ".join(spoken.word("table", table) for table in row["absent"])
        lines.append(spoken.say("why.absent", tables=absent))
    if row["waits"]:
        waits = ", ".join(f"{one['record']} ({one['reason']})" for one in row["waits"])
        lines.append(spoken.say("why.waits", records=waits))
    return lines


def _results(names: list[str], found: dict[str, Any], spoken: Language) -> str:
    """Each result by what it said, and its number; one that is no longer known by its number alone."""
    from cmvmon.text.values import value_in_words

    told = []
    for name in names:
        result = found["results"].get(name)
        if result is None:
            told.append(name)
            continue
        value = value_in_words(result["detection"], result["viral_load_iu_per_ml"], result["limit_iu_per_ml"], spoken)
        place, moment = (
            spoken.word("compartment", result["compartment"]),
            moment_text(result["collected_at"], found, spoken),
        )
        told.append(spoken.say("why.result", compartment=place, moment=moment, value=value, result=name))
    return "; ".join(told)


def _follows(one: dict[str, Any], found: dict[str, Any], spoken: Language) -> str:
    place = f", {spoken.word('compartment', one['compartment'])}" if one["compartment"] else ""
    if one["verdict"] is None:
        return spoken.say("why.follows_unknown", title=one["title"])
    told = {"title": f"{one['title']}{place}", "verdict": said_text(one, spoken)}
    if not one["result_ids"]:
        return spoken.say("why.follows_no_result", **told)
    return spoken.say("why.follows", **told, results=_results(one["result_ids"], found, spoken))


def _row(one: dict[str, Any], found: dict[str, Any], spoken: Language) -> str:
    moment = moment_text(one["at"], found, spoken)
    named = f"{one['result_id']}, {moment}" if one["result_id"] else moment
    return f"{spoken.word('table', one['table'])} ({named})"
