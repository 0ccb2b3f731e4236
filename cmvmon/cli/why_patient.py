"""`cmvmon why --patient`: what every rule says of a patient, alert or none, and what would be an alert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmvmon.cli import printing
from cmvmon.cli.why import turns_table
from cmvmon.cli.why_rests_on import rests_on_lines
from cmvmon.cli.why_values import moment_text, said_text

if TYPE_CHECKING:
    from cmvmon.text import Language


def of_patient(site: Path, patient: str, rule: str | None, *, lang: str | None, as_json: bool) -> None:
    """Prints a patient's verdicts and what would be an alert. Raises SiteError as `patient_verdicts`."""
    from cmvmon.run.asking.patient_verdicts import patient_verdicts
    from cmvmon.run.asking.plain_values import plainly
    from cmvmon.text import language

    found = patient_verdicts(site, patient, rule=rule, lang=lang)
    if as_json:
        print(printing.shown_json(plainly(found)))
        return
    spoken, width = language(found["language"]), printing.terminal_width()
    moment = moment_text(found["judged_at"], found, spoken)
    print(printing.wrapped(spoken.say("why.patient", moment=moment), width))
    columns = tuple(spoken.say(f"why.column.{name}") for name in ("rule", "about", "says", "since"))
    rows = [
        dict(
            zip(
                columns,
                (row["title"], _about(row, spoken), _said(row, spoken), _since(row, found, spoken)),
                strict=True,
            )
        )
        for row in found["rows"]
    ]
    print(printing.table_within(rows, columns, "", width))
    told = "\n".join(_rests_on(found, spoken))
    if told:
        print(printing.wrapped(f"\n{spoken.say('why.what_it_rests_on')}\n{told}", width))
    print(printing.wrapped(f"\n{spoken.say('why.would_alert')}", width))
    rule_is, about_is = (spoken.say(f"why.column.{name}") for name in ("rule", "about"))
    near = [
        (turn, {rule_is: row["rule"], about_is: _about(row, spoken)}) for row in found["rows"] for turn in row["turns"]
    ]
    print(turns_table(near, found, spoken, width))


def _rests_on(found: dict[str, Any], spoken: Language) -> list[str]:
    """Beneath each rule, and what it is about, what its verdict rests on; of one that rests on nothing that has a name, no line."""
    lines = []
    for row in found["rows"]:
        told = rests_on_lines(row, found, spoken)
        about = _about(row, spoken)
        if told:
            lines += [f"{row['title']}, {about}" if about else row["title"], *(f"  {line}" for line in told)]
    return lines


def _about(row: dict[str, Any], spoken: Language) -> str:
    from cmvmon.text.why_words import code_in_words

    place = [spoken.word("compartment", row["compartment"])] if row["compartment"] else []
    return ", ".join([*place, *(code_in_words(code, spoken) for code in row["about"])])


def _said(row: dict[str, Any], spoken: Language) -> str:
    if row["verdict"] is None:
        return spoken.say("why.not_judged")
    return said_text(row, spoken)


def _since(row: dict[str, Any], found: dict[str, Any], spoken: Language) -> str:
    return "" if row["since"] is None else moment_text(row["since"], found, spoken)
