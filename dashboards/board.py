"""What the board adds to a page: who reads it, where to go, what can be asked for; and the pages that only the board has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cmvmon.dashboards import page
from cmvmon.domain import words
from cmvmon.domain.moved_together import word_stands
from cmvmon.text import Language
from cmvmon.text.set_aside import reasons, reasons_for

LISTED = ("ward", "worklist", "data", "unit", "method")  # the board's links, in this order


@dataclass(frozen=True)
class Filters:
    """What a ward page can be narrowed down to: `wards` and `tiers` to choose from, and what is chosen ("" = all)."""

    wards: tuple[str, ...]
    ward: str = ""
    tier: str = ""


@dataclass(frozen=True)
class Board:
    """What every page of the board holds.

    Attributes:
        may: the names of the routes that the reader may ask for.
        user, token: stand for the reader's name and the token of his forms, and are put in when the page is sent.
        live: the address that says when this page has changed; "" = it is not told.
        here: the address at which this page is loaded again; "" = its own.
        scope: what the reader sees, in words; empty = everything.
        notes: what he must know beside the page.
        is_synthetic: the site holds no data of patients, which each page says.
        patient: of a patient's page, how its files are called.
        has_pdf: whether the page can be had as PDF.
        wanted, wrong: of a search, what was typed, and why it was refused.
    """

    may: frozenset[str]
    role: str
    user: str
    token: str
    live: str = ""
    here: str = ""
    live_script: str = ""
    scope: str = ""
    notes: tuple[str, ...] = ()
    is_synthetic: bool = False
    filters: Filters | None = None
    patient: str = ""
    has_pdf: bool = False
    page: str = ""
    wanted: str = ""
    wrong: str = ""
    # So that a template that is also written as a file need not ask what board it is on.
    links: tuple[str, ...] = field(default=LISTED)


@dataclass(frozen=True)
class Choice:
    """One table of a page: its heading, columns, and rows of cells, each a text with the address that it leads to ("" = nowhere)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]
    nothing: str


@dataclass(frozen=True)
class Refused:
    """A form that was not done: its name, what was typed, by field, and why; beside `field` it is said why, "" = above the page."""

    form: str
    typed: Mapping[str, str]
    field: str
    words: str


_AGAIN = "again"  # how an alert stands that was answered, and is open again
_UNANSWERED = (words.NEW, words.NOTIFIED, words.SEEN)
_AS_ANSWERED = ("acknowledged", "snoozed")
NOTHING_REFUSED = Refused("", {}, "", "")


def sign_in_page(
    board: Board | None, language: Language, *, said: str, name: str, others: Sequence[Mapping[str, str]]
) -> str:
    """The page on which somebody signs in with a password. `said`: why it is shown again; `name`: as it was typed."""
    return page.render(
        "board_sign_in.html",
        language,
        script=None,
        board=board,
        title=language.say("board.title.sign_in"),
        said=said,
        name=name,
        others=others,
    )


def words_page(board: Board | None, language: Language, *, title: str, said: str, to: str = "") -> str:
    """A page of a few words: what is refused, or not there, or could not be done. `to`: where its reader is sent on to, at once."""
    return page.render("board_words.html", language, script=None, board=board, title=title, said=said, to=to, others=[])


def lists_page(
    board: Board, language: Language, *, title: str, said: Sequence[str], lists: Sequence[Choice], hrefs: dict[str, str]
) -> str:
    """A page of lists: what waits for whom, or what was found."""
    return page.render(
        "board_lists.html", language, script=None, board=board, title=title, said=said, lists=lists,
        others=page.other_languages(hrefs, language),
    )  # fmt: skip


def alert_page(
    board: Board,
    language: Language,
    *,
    alert: Mapping[str, Any],
    title: str,
    patient: Mapping[str, str] | None,
    said: str,
    refused: Refused | None,
    time_zone: str,
    hrefs: dict[str, str],
) -> str:
    """One alert with what happened to it, and the forms by which somebody answers it.

    Args:
        alert: as `cmvmon.run.asking.queries.told_alert` gives it.
        said: of an answer that was just recorded. refused: of one that was not.
        patient: number, place and href; None = it is about the work itself.
    """
    standing = alert["standing"]
    overtaken = _overtaken(alert, time_zone, language)
    is_answered = standing in ("acknowledged", "snoozed")
    may_be_given = _reasons(alert, language)
    may = {
        "acknowledge": standing is not None and bool(may_be_given["acknowledge"]),
        "snooze": standing is not None and standing != "acknowledged",
        "reopen": is_answered or (alert["state"] == "resolved" and word_stands(alert["events"])),
        "readback": standing is not None and alert["tier"] == 1,
    }
    forms = {
        name: can
        and name in board.may
        and (language.say(f"board.form.{name}"), language.say(f"board.form.{name}.says"))
        for name, can in may.items()
    }
    refused = refused or NOTHING_REFUSED
    is_offered = not refused.form or bool(forms[refused.form])
    return page.render(
        "board_alert.html",
        language,
        script=None,
        board=board,
        alert=alert,
        title=title,
        patient=patient,
        said=said,
        refused=refused if is_offered else replace(refused, field=""),
        left=() if is_offered else _left(refused, time_zone, language),
        standing=language.say(
            f"board.standing.{_AGAIN if overtaken and standing == words.NEW else standing or alert['state']}"
        ),
        overtaken=overtaken,
        tier=language.word("tier", str(alert["tier"])),
        since=language.say("alerts.since", since=_moment(alert["opened_at"], time_zone, language)),
        forms=forms,
        reasons=may_be_given,
        events=[_event(event, time_zone, language) for event in alert["events"]],
        rested=(alert["rested_on_it"] or {}).get("says", []),
        time_zone=time_zone,
        others=page.other_languages(hrefs, language),
    )


def _reasons(alert: Mapping[str, Any], language: Language) -> Mapping[str, Sequence[tuple[str, str]]]:
    """By form, the reasons that may be given, each with its words. What was acknowledged takes none but the word of a laboratory."""
    evidence = alert["evidence"]
    facts = (evidence, *evidence.get("also", ())) if alert["rule"] == words.OPERATIONS else ()
    of_any, of_this = reasons_for(()), reasons_for({fact["code"] for fact in facts})
    is_acknowledged = alert["standing"] == words.ACKNOWLEDGED
    to_acknowledge = {code: one for code, one in of_this.items() if not (is_acknowledged and one.only is None)}
    return {
        name: [(code, one.words[language.code]) for code, one in found.items()]
        for name, found in (("acknowledge", to_acknowledge), ("snooze", of_any))
    }


def _left(refused: Refused, time_zone: str, language: Language) -> tuple[tuple[str, str], ...]:
    """What was typed into a form that is not offered any more, so that it is not lost: what was asked for, and what was typed."""
    coded = {code: one.words[language.code] for code, one in reasons().items()}
    coded |= {how: language.say(f"board.form.{how}") for how in ("confirmed", "not_reached")}
    return tuple(
        (language.say(f"board.form.{field}", time_zone=time_zone), coded.get(typed, typed))
        for field, typed in refused.typed.items()
        if typed.strip()
    )


def _overtaken(alert: Mapping[str, Any], time_zone: str, language: Language) -> str:
    """Whose answer an open alert had, what it was, and why and since when it holds no longer; "" where none was overtaken."""
    before: Mapping[str, Any] | None = None
    said = ""
    for event in alert["events"] if alert["standing"] in _UNANSWERED else ():
        if event["event"] in _AS_ANSWERED:
            before, said = event, ""
        elif event["event"] == "reopened" and event["tells"] and event["cause"] and before is not None:
            answer = (language.say(f"board.event.{before['event']}"), before["reason_in_words"], before["note"])
            said = language.say(
                "board.alert.overtaken",
                who=event["tells"],
                moment=_moment(before["changed_at"], time_zone, language),
                answer="; ".join(part for part in answer if part),
                why=language.word("cause", event["cause"]),
                since=_moment(event["changed_at"], time_zone, language),
            )
    return said


def _event(event: Mapping[str, Any], time_zone: str, language: Language) -> tuple[str, ...]:
    """One line of what happened: when, what, who, and why or until when."""
    until = event["until"] and language.say("board.until", until=_moment(event["until"], time_zone, language))
    cause = event["cause"] and language.word("cause", event["cause"])
    more = (event["reason_in_words"], until, event["recipient"], cause, event["note"])
    who = language.say("board.system") if event["actor"] == "system" else event["actor"]
    return (
        _moment(event["changed_at"], time_zone, language),
        language.say(f"board.event.{event['event']}"),
        who,
        "; ".join(str(part) for part in more if part),
    )


def _moment(text: str, time_zone: str, language: Language) -> str:
    return language.moment(datetime.fromisoformat(text), time_zone)
