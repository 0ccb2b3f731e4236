"""The conditions of a rule as `cmvmon why` prints them: each once, with its number, beneath the first part that asks it.

The grounds that hold come first. A part that asks what stands above names it by number. Unless everything is asked for, nothing
more is said of a part that does not hold, and of a tier only by which of these questions: a rule may ask fifty, of which ten decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cmvmon.cli import printing
from cmvmon.cli.why_values import shortly, truth_text

if TYPE_CHECKING:
    from cmvmon.text import Language

_ALWAYS = "otherwise"  # asks nothing


def conditions_table(found: dict[str, Any], spoken: Language, width: int, *, is_whole: bool = False) -> str:
    """Each part of the rule with whether it holds, and beneath it what it asks that was not asked above.

    What is left out unless `is_whole` a last line names.
    """
    columns = ("", spoken.say("why.is"), spoken.say("why.number"), spoken.say("why.known_that"))
    lines: list[tuple[str, str, str, str]] = []
    numbers: dict[str, int] = {}
    is_left_out = False
    for part in _in_order(_parts(found["conditions"])):
        head, *questions = part
        if head["holds"] is False and not is_whole:
            lines.append((_part(head, spoken), truth_text(False, spoken), "", ""))
            is_left_out = True
            continue
        asked = questions or [head]
        above = sorted({numbers[one["says"]] for one in asked if one["says"] in numbers})
        new = list({one["says"]: one for one in asked if one["says"] not in {*numbers, _ALWAYS}}.values())
        if above and new and _kind(part) == "tier" and not is_whole:
            new, is_left_out = [], True
        numbers |= {one["says"]: len(numbers) + place for place, one in enumerate(new, start=1)}
        said = spoken.say("why.as_above", numbers=_ranges(above)) if above else ""
        if head["says"] == _ALWAYS:
            said = spoken.say(f"why.between.{_ALWAYS}")
        lines.append((_part(head, spoken), truth_text(head["holds"], spoken), "", said))
        lines += [
            ("", truth_text(one["holds"], spoken), str(numbers[one["says"]]), _question(one, found, spoken))
            for one in new
        ]
    table = printing.table_within([dict(zip(columns, line, strict=True)) for line in lines], columns, "", width)
    return f"{table}\n{printing.wrapped(spoken.say('why.left_out'), width)}" if is_left_out else table


def _parts(conditions: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Each part of the rule, followed by the questions in it."""
    parts: list[list[dict[str, Any]]] = []
    for one in conditions:
        if one["depth"]:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def _in_order(parts: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """By what they decide, and of each kind those that hold first: what made the alert stands above what did not."""
    kinds = list(dict.fromkeys(_kind(part) for part in parts))
    return sorted(parts, key=lambda part: (kinds.index(_kind(part)), part[0]["holds"] is not True))


def _kind(part: list[dict[str, Any]]) -> str:
    """The word of what a part decides: `fires`, `unless`, ..."""
    return str(part[0]["part"]).partition(" ")[0]


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order, in short.

    >>> _ranges([1, 2, 3, 5, 7, 8])
    '1-3, 5, 7, 8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _part(one: dict[str, Any], spoken: Language) -> str:
    """What a condition decides."""
    word, _, rest = one["part"].partition(" ")
    return f"{spoken.say(f'why.part.{word}')} {rest}".strip()


def _question(one: dict[str, Any], found: dict[str, Any], spoken: Language) -> str:
    """A question with what is known on either side; a side that is written in the question itself is not repeated."""
    from cmvmon.text.why_words import condition_in_words

    says = condition_in_words(one["says"], spoken)
    left, right = (shortly(one[side], found, spoken) for side in ("left", "right"))
    is_told = one["right"] is None or says.endswith(f" {right}")
    return f"{says}  [{left if is_told else spoken.say('why.against', left=left, right=right)}]"
