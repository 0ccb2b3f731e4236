"""The order in which rules are judged: each after those whose verdicts it reads."""

from __future__ import annotations

import graphlib
from collections.abc import Collection

from cmvmon.domain.errors import ProgramError
from cmvmon.rules.rulebook import Rule


def in_order(rules: Collection[Rule]) -> tuple[Rule, ...]:
    """The rules, each after those whose verdicts it reads, else by code.

    Raises ProgramError when a rule reads one that is not there, or rules read each other in a circle.
    """
    named = {rule.code: rule for rule in rules}
    for rule in named.values():
        if missing := sorted(rule.follows - named.keys()):
            raise ProgramError(
                f"the rule {rule.code} reads the verdicts of {', '.join(missing)}: there is no such rule"
            )
    sorter = graphlib.TopologicalSorter({code: sorted(named[code].follows) for code in sorted(named)})
    try:
        return tuple(named[code] for code in sorter.static_order())
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ProgramError(
            f"rules read each other's verdicts in a circle: {circle}; one of them must go first"
        ) from None
