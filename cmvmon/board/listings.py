"""The board's own lists: what waits for whom, and whom a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cmvmon.board.scope import Scope
from cmvmon.dashboards.board import Board, Choice, lists_page
from cmvmon.feeds.patient_numbers import fold_number
from cmvmon.run.asking.worklist import cell_in_words, worklist
from cmvmon.run.pages.stored_pages import StoredPages
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.store.session import now
from cmvmon.text import Language, codes, language

_ALERTS = ("title", "tier", "patient_id", "bed", "place", "for_whom", "opened_at", "standing")
_SAMPLES = ("patient_id", "bed", "place", "due_on", "is_overdue")
_ORDERS = ("patient_id", "bed", "place", "ordered_at", "collected_at")
_SHORTEST, _MOST = 2, 50


def worklist_page(
    root: Path, stored: StoredPages, scope: Scope, board: Board, lang: str
) -> tuple[str, tuple[str, ...]]:
    """What waits for whom, as far as this reader may see it; and whom the page shows."""
    spoken = language(lang)
    found = worklist(root, as_of=stored.as_of if stored.common.is_synthetic else now(), lang=lang)
    alerts = [row for row in found.alerts if scope.may_see_alert(row)]
    samples, orders = (
        [row for row in rows if scope.may_see(row["patient_id"])] for rows in (found.samples, found.orders)
    )

    def cells(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[tuple[str, str], ...]:
        patient = row["patient_id"]
        where = {
            "title": f"alert-{row.get('alert_id')}.{lang}.html",
            "patient_id": stored.names.patient(patient, lang) if patient else "",
        }
        bed = " ".join(part for part in stored.place_of(patient) if part) if patient else ""
        told = {name: bed if name == "bed" else cell_in_words(name, row, found, spoken) or "" for name in columns}
        return tuple((words, where.get(name, "")) for name, words in told.items())

    def listed(what: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Choice:
        return Choice(
            spoken.say(f"board.list.{what}"),
            tuple(spoken.say(f"worklist.column.{name}") for name in columns),
            tuple(cells(row, columns) for row in rows),
            spoken.say(f"worklist.no_{what}"),
        )

    lists = [listed("alerts", alerts, _ALERTS)]
    if not found.trouble and board.role != "data":
        overdue_first = sorted(samples, key=lambda row: (not row["is_overdue"], row["due_on"]))
        lists += [listed("samples", overdue_first, _SAMPLES), listed("orders", orders, _ORDERS)]
    text = lists_page(
        board,
        spoken,
        title=spoken.say("board.title.worklist"),
        said=[found.trouble] if found.trouble else [],
        lists=lists,
        hrefs={code: f"worklist.{code}.html" for code in codes()},
    )
    shown = {row["patient_id"] for row in (*alerts, *samples, *orders)} - {None}
    return text, tuple(sorted(shown))


def is_long_enough(asked: str) -> bool:
    """Whether so much of a number or bed is searched for."""
    return len(" ".join(asked.split())) >= _SHORTEST


def nothing_searched(board: Board, spoken: Language) -> str:
    """The page of a search that was refused; its strip says why, beside the field."""
    hrefs = {code: f"ward.{code}.html" for code in codes()}
    return lists_page(board, spoken, title=spoken.say("board.title.search"), said=[], lists=[], hrefs=hrefs)


def search_page(stored: StoredPages, scope: Scope, board: Board, lang: str, asked: str) -> tuple[str, tuple[str, ...]]:
    """Whom this reader may see and of whom a number or a bed begins so; and whom the page shows.

    Of the ward's list a part of a number or bed is enough; of anybody else the whole number must be given.
    """
    spoken, wanted = language(lang), " ".join(asked.split())
    said, found = list[str](), _found(stored, scope, wanted)
    if len(found) > _MOST:
        said.append(spoken.say("board.search.more", n=spoken.number(_MOST, 0)))
        found = found[:_MOST]
    unknown = spoken.say("unknown")
    rows = []
    for patient in found:
        ward, bed = stored.place_of(patient)
        rows.append(((patient, stored.names.patient(patient, lang)), (ward or unknown, ""), (bed or unknown, "")))
    columns = (spoken.say("column.patient"), spoken.say("board.column.ward"), spoken.say("column.bed"))
    choice = Choice(spoken.say("board.search.title"), columns, tuple(rows), spoken.say("board.search.none"))
    text = lists_page(
        board, spoken, title=spoken.say("board.title.search"), said=said, lists=[choice],
        hrefs={code: f"ward.{code}.html" for code in codes()},
    )  # fmt: skip
    return text, tuple(found)


def _found(stored: StoredPages, scope: Scope, wanted: str) -> list[str]:
    folded = wanted.casefold()
    listed = [
        patient
        for patient, (_, bed) in stored.places.items()
        if folded in patient.casefold() or (bed is not None and folded in bed.casefold())
    ]
    with stored.opened.reading() as connection:
        others = numbers_in_store.written_otherwise(connection, [f"0{wanted}"], as_of=stored.as_of)
        if numbers_in_store.is_known(connection, wanted, as_of=stored.as_of):
            others |= {wanted}
    alike = [number for number in others if fold_number(number) == fold_number(wanted) and number not in listed]
    return [patient for patient in (*sorted(listed), *sorted(alike)) if scope.may_see(patient)]
