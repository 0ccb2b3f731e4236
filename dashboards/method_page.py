"""The method and protocol page: what each rule watches, by which numbers, on whose word. All of it is the protocol or the rulebook."""

from __future__ import annotations

from dataclasses import dataclass

from cmvmon.dashboards import site_page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.site_page import Table
from cmvmon.dashboards.site_views import MethodView, RuleView
from cmvmon.protocol.numbers import Written
from cmvmon.text import Language
from cmvmon.text.provenance import owner_in_words, strength_in_words


@dataclass(frozen=True)
class RuleText:
    """One rule in words."""

    code: str
    title: str
    tiers: str
    guide: str
    source: str
    standing: str
    table: Table | None
    is_off: bool


def method_page(view: MethodView, *, language: Language, script: str | None = None, board: Board | None = None) -> str:
    """The page as HTML text: the same view and language give the same bytes. Raises MissingWords."""
    protocol = view.protocol
    signed = language.say("method.owner", owner=protocol.owner)
    if view.is_signed:
        signed = language.say("method.signed", who=protocol.owner_signed_by, date=protocol.signed_at)
    off = {one.rule for one in view.switched_off}
    return site_page.render(
        "method.html",
        view,
        language,
        script=script,
        board=board,
        title=language.say("method.title"),
        protocol_text=language.say("method.protocol", version=protocol.version, title=protocol.title),
        signed=signed,
        rules=[_rule(rule, language, is_off=rule.code in off) for rule in view.rules],
        order=[
            language.say("method.statement", code=code, words=language.word("guide", code)) for code in view.order_guide
        ],
        drugs=[f"{name}: {language.say(f'method.use.{use}')}" for name, use in view.drugs],
        context=[_line(key, number, language) + f" ({statement})" for key, statement, number in view.context],
        judged_by=_judged_by(view, language),
        changes=_changes(view, language),
        fault="" if view.earlier_fault is None else language.say("method.earlier.fault", files=view.earlier_fault),
        differences=_differences(view, language),
    )


def _rule(rule: RuleView, language: Language, *, is_off: bool) -> RuleText:
    tiers = ", ".join(language.word("tier", str(tier)) for tier in rule.tiers)
    guide = "; ".join(
        language.say("method.statement", code=code, words=language.word("guide", code)) for code in rule.guide
    )
    return RuleText(
        rule.code,
        language.word("rule", rule.code),
        language.say("method.state") if rule.is_state else language.say("method.tiers", tiers=tiers),
        language.say("method.guide", statements=guide) if guide else language.say("method.no_guide"),
        rule.source,
        language.say(
            "method.standing",
            strength=strength_in_words(rule.strength, language),
            owner=owner_in_words(rule.owner, language),
        ),
        _numbers(rule.numbers, language) if rule.numbers else None,
        is_off,
    )


def _numbers(numbers: tuple[Written, ...], language: Language) -> Table:
    columns = tuple(language.say(f"method.column.{name}") for name in ("stanza", "key", "value", "strength", "owner"))
    rows = tuple(
        (
            one.stanza,
            one.key,
            _value(one, language),
            strength_in_words(one.strength, language),
            owner_in_words(one.owner, language),
        )
        for one in numbers
    )
    return Table(columns, rows, widths=(20, 28, 14, 22, 16))


def _value(one: Written, language: Language) -> str:
    """With every digit that the file writes."""
    digits = len(f"{one.value:.12f}".rstrip("0").partition(".")[2])
    return f"{language.number(one.value, digits)} {one.unit}".strip()


def _line(key: str, number: float | None, language: Language) -> str:
    if number is None:
        return language.say(f"context.{key}")
    return language.say(f"context.{key}", number=language.number(number, 0))


def _judged_by(view: MethodView, language: Language) -> str:
    if not view.judged_by:
        return language.say("method.judged_by.none")
    labels = ", ".join(
        language.say("method.label", label=one.label, since=language.date(one.since, view.time_zone))
        for one in view.judged_by
    )
    return language.say("method.judged_by", labels=labels)


def _changes(view: MethodView, language: Language) -> str:
    if view.earlier is None:
        return language.say("method.earlier.none")
    if not view.differences:
        return language.say("method.differences.none", label=view.earlier)
    return language.say("method.differences", n=language.number(len(view.differences), 0), label=view.earlier)


def _differences(view: MethodView, language: Language) -> Table | None:
    if not view.differences:
        return None
    columns = tuple(language.say(f"method.column.{name}") for name in ("stanza", "key", "before", "now", "owner"))
    rows = tuple(
        (
            one.stanza,
            one.key,
            language.say("method.absent") if one.old is None else one.old.value,
            language.say("method.absent") if one.new is None else one.new.value,
            owner_in_words((one.new or one.old).owner, language) if (one.new or one.old) else "",  # type: ignore[union-attr]
        )
        for one in view.differences
    )
    return Table(columns, rows, widths=(22, 24, 19, 19, 16))
