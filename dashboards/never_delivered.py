"""What a site never delivered, in words: once for the ward and once for a patient, with the rules that can't judge for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from cmvmon.dashboards.row_views import NotAssessable
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import NeverDelivered
from cmvmon.dashboards.words_for_results import capital, unassessed
from cmvmon.text import Language
from cmvmon.text.values import table_in_words


def is_for_want_of(reason: str, missing: Sequence[NeverDelivered]) -> bool:
    """Whether a rule can't judge because a table never came: it is then said once, not of each patient."""
    return any(reason in table.reasons for table in missing)


def on_the_ward(
    rows: Iterable[Sequence[NotAssessable]], missing: Sequence[NeverDelivered], language: Language
) -> dict[str, str]:
    """A sentence for each such table, by its name: the rules that can't judge without it, and of how many patients.

    Args:
        rows: of each patient on the list, what could not be assessed.
    """
    tables_of = defaultdict[str, list[str]](list)
    for table in missing:
        for reason in table.reasons:
            tables_of[reason].append(table.table)
    counted = Counter[tuple[str, str]]()
    for row in rows:
        counted.update({(name, item.rule) for item in row for name in tables_of.get(item.reason, ())})
    said = {}
    for table in missing:
        rules = [
            language.say(
                "never.of_some", rule=_rule(rule, language), patients=language.count("concordance.patients", n)
            )
            for (name, rule), n in sorted(counted.items())
            if name == table.table
        ]
        rules += [language.say("never.of_nobody", rule=_rule(rule, language)) for rule in table.rules]
        if rules:
            name = table_in_words(table.table, language)
            said[table.table] = language.say("never.ward", table=name, rules="; ".join(rules))
    return said


def in_one_line(tables: Iterable[str], language: Language) -> str:
    """Which tables never came; what each means for the rules is folded under it."""
    return language.say("never.folded", tables="; ".join(table_in_words(name, language) for name in tables))


def of_a_patient(rows: Iterable[Row], missing: Sequence[NeverDelivered], language: Language) -> tuple[str, list[str]]:
    """The one line of a patient's page, and what it folds: a line for each rule. Both are empty where nothing is missing."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for table in missing:
            if row["reason"] in table.reasons:
                line = unassessed(row["rule"], row["compartment"], row["reason"], language)
                found.setdefault(table.table, {})[line] = None
    for table in missing:
        name = table_in_words(table.table, language)
        for rule in table.rules:
            line = language.say(
                "ward.reason", rule=_rule(rule, language), reason=language.say("never.reason", table=name)
            )
            found.setdefault(table.table, {})[line] = None
    if not found:
        return "", []
    lines = list(dict.fromkeys(line for of_table in found.values() for line in of_table))
    tables = "; ".join(table_in_words(name, language) for name in found)
    return language.say("never.patient", tables=tables, lines=language.count("never.lines", len(lines))), lines


def _rule(rule: str, language: Language) -> str:
    return capital(language.word("rule", rule))
