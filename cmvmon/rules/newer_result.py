"""What keeps a rule about loads open: a result that may be newer than all that it read, feeds of results that are silent, or a
laboratory whose results moved together."""

from __future__ import annotations

from cmvmon.domain.words import LABORATORY_IN_DOUBT
from cmvmon.facts.conditions import Condition, Value, fact, truth

UNREAD, SILENT = "result_unread", "results_silent"
waits, sampled_by = truth("has_unread_result"), fact("unread_sampled_by")
all_silent = fact("results_heard_at").is_known()
is_silent = all_silent | fact("series_heard_at").is_known()
in_doubt = fact("moved_since").is_known()
blood_in_doubt, leading_in_doubt = fact("blood_moved_since").is_known(), fact("leading_moved_since").is_known()
blood_is_silent, leading_is_silent = fact("blood_heard_at").is_known(), fact("leading_heard_at").is_known()


def may_be_newer_than(taken: Value) -> Condition:
    """A result waits that could not be used, and it is not known that its sample was taken before that one. False without a sample."""
    return waits & taken.is_known() & ~(sampled_by < taken)


may_be_newer = may_be_newer_than(fact("latest_collected_at"))


def open_while(
    unread: Condition = may_be_newer,
    *,
    silent: Condition = is_silent,
    doubted: Condition = in_doubt,
    but: Condition | None = None,
) -> dict[str, Condition]:
    """For `Rule.open_while` of a rule about a series: it is not clear that the load is quiet while its newest result may be one that
    nobody could read, or one that did not come. Nor is it quiet, nor an alert (`Rule.alerts_in_doubt`), while what it read is of those
    results of its laboratory that moved together.

    Args:
        unread: where a result that waits may be newer than what the rule reads.
        silent: where its laboratory is, or the feeds of results are.
        doubted: where its latest results are of those.
        but: what makes the rule clear whatever the load is.
    """
    found = {LABORATORY_IN_DOUBT: doubted, UNREAD: unread, SILENT: silent}
    return found if but is None else {name: condition & ~but for name, condition in found.items()}


def may_have_come(within: Value, *, silent: Condition) -> dict[str, Condition]:
    """For `Rule.unless` of a rule that says that no result of the last days is there: one that could not be used, and whose sample may
    be of these days, is a sample that was taken; while its feed is silent any may have been.

    Args:
        within: the days.
        silent: where a laboratory that may have measured it is.
    """
    return {UNREAD: waits & ~(fact("as_of") - sampled_by > within.days), SILENT: all_silent | silent}
