"""The ward page's view, whole: its list, what is due, and what must be known of numbers and feeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cmvmon import __version__
from cmvmon.dashboards.views import WardRow, WardView
from cmvmon.domain import words
from cmvmon.run.pages import views
from cmvmon.run.pages.around import Around
from cmvmon.run.pages.page_names import PageNames
from cmvmon.run.pages.ward_rows import ward_rows
from cmvmon.run.ward import patient_numbers
from cmvmon.run.ward.samples_waiting import due_today
from cmvmon.run.ward.ward_list import WardList
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import OpenSite
from cmvmon.text import codes

_OF_THE_LIST = ("numbers", "samples", "bal_line_iu_per_ml", "gap_days")  # what no alert changes


def whole_ward(
    opened: OpenSite,
    ward: WardList,
    around: Around,
    *,
    common: views.Common,
    names: PageNames,
    before: WardView | None = None,
) -> WardView:
    """The view of that list, its rows without links. `before`: of the same list, since which nothing happened but to alerts."""
    drawn = () if before is None else before.rows
    rows = ward_rows(ward, around.alerts, protocol=opened.protocol, as_of=common.as_of, before=drawn)
    view = ward_view(rows, around.feeds, around.standing, common, names)
    if before is not None:
        same = {name: getattr(before, name) for name in _OF_THE_LIST}
        return replace(
            view, lately=around.lately, n_never_taken_in=around.n_never_taken_in, undelivered=around.undelivered, **same
        )
    with opened.reading() as connection:
        numbers = patient_numbers.on_the_ward(connection, ward, as_of=common.as_of)
    return replace(
        view,
        lately=around.lately,
        n_never_taken_in=around.n_never_taken_in,
        undelivered=around.undelivered,
        numbers=numbers,
        samples=due_today(opened, ward, as_of=common.as_of, time_zone=common.time_zone),
        bal_line_iu_per_ml=opened.protocol.affected_compartments.local_line_iu_per_ml,
        gap_days=opened.protocol.decline.new_segment_gap_days,
    )


def ward_view(
    rows: tuple[WardRow, ...],
    feeds: Collection[FeedTable],
    standing: Collection[Mapping[str, object]],
    common: views.Common,
    names: PageNames,
) -> WardView:
    """The view of these rows, and of nothing beside them but the feeds."""
    return WardView(
        as_of=common.as_of,
        time_zone=common.time_zone,
        feeds=views.feed_states(feeds, [a for a in standing if a["rule"] == words.OPERATIONS]),
        rows=rows,
        protocol_version=common.protocol.version,
        code_version=__version__,
        is_synthetic=common.is_synthetic,
        is_signed=common.protocol.is_signed,
        hrefs={code: names.ward(code) for code in codes()},
        stale_after_hours=common.stale_after_hours,
        switched_off=common.switched_off,
        waits=common.waits,
        never_delivered=common.never_delivered,
        handed_to=common.handed_to,
    )
