"""The views of a site's pages as the store has them: what was judged last, and what persons have said since. Nothing is judged.

Verdicts and declines are read as they were recorded; the rows that were known beside them stand on a page as they always do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from cmvmon.assess import Assessment, as_recorded
from cmvmon.dashboards.happened import Lately
from cmvmon.dashboards.site_views import DataView, MethodView, UnitView
from cmvmon.dashboards.views import MergedView, PatientNumbers, PatientView, WardView
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.run.asking.unit_query import unit_numbers
from cmvmon.run.judging.unit_concordance import unit_concordance
from cmvmon.run.pages import views
from cmvmon.run.pages.around import STALE_AFTER_HOURS, Around, alerts_anew, around
from cmvmon.run.pages.data_view import REWRITTEN_SINCE, data_view
from cmvmon.run.pages.method_view import method_view
from cmvmon.run.pages.page_names import PageNames
from cmvmon.run.pages.patient_views import patient_views
from cmvmon.run.pages.site_pages import shared_fields
from cmvmon.run.pages.whole_ward import whole_ward
from cmvmon.run.ward import placing, ward_list
from cmvmon.run.ward.drugs_now import drugs_now
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known
from cmvmon.shell.as_known.lately import rewritten
from cmvmon.shell.taken_in import touched
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import OpenSite

Row = Mapping[str, Any]


@dataclass(frozen=True)
class StoredPages:
    """A site as it was judged last, at `as_of`: everything that its pages are made from, read once.

    Attributes:
        listed: the ward's list.
        whole: the ward page's view of everybody, its rows without links.
    """

    opened: OpenSite
    around: Around
    listed: ward_list.WardList
    whole: WardView
    common: views.Common
    names: PageNames

    @property
    def as_of(self) -> datetime:
        """The moment that was judged last."""
        return self.around.as_of

    @cached_property
    def places(self) -> Mapping[str, tuple[str | None, str | None]]:
        """Ward and bed of everybody on the ward's list."""
        return {row.patient_id: (row.ward, row.bed) for row in self.whole.rows}

    @cached_property
    def wards(self) -> tuple[str, ...]:
        """The wards of the list, sorted."""
        return tuple(sorted({ward for ward, _ in self.places.values() if ward is not None}))

    def place_of(self, patient_id: str) -> tuple[str | None, str | None]:
        """Ward and bed of anybody, also of one who is on no list: of the last stay."""
        if patient_id in self.places:
            return self.places[patient_id]
        with self.opened.reading() as connection:
            return placing.places(connection, [patient_id], at=self.as_of).get(patient_id, (None, None))[:2]

    def ward(self, patients: Collection[str] | None, code: str, *, keep: Callable[[Any], bool]) -> WardView:
        """The ward page's view, in that language.

        Args:
            patients: who may stand anywhere on it; None = everybody.
            keep: of their rows, which are listed.
        """
        view = self.whole if patients is None else self._only(frozenset(patients))
        rows = [replace(row, href=self.names.patient(row.patient_id, code)) for row in view.rows if keep(row)]
        return replace(view, rows=tuple(rows))

    def _only(self, patients: frozenset[str]) -> WardView:
        """The view as if nobody else were there: of others neither a name nor a count."""
        whole = self.whole
        rows = tuple(row for row in whole.rows if row.patient_id in patients)
        groups = tuple(group for group in whole.numbers.alike if patients >= set(group))
        unused = tuple(link for link in whole.numbers.unused if patients >= set(link[:2]))
        numbers = PatientNumbers(sum(not row.latest for row in rows), groups, unused)
        happened = whole.lately and Lately(
            whole.lately.since,
            tuple(change for change in whole.lately.alerts if change.patient_id in patients),
            tuple(change for change in whole.lately.results if change.patient_id in patients),
        )
        samples = whole.samples and tuple(one for one in whole.samples if one.patient_id in patients)
        return replace(whole, rows=rows, numbers=numbers, lately=happened, samples=samples)

    def patient(self, patient_id: str) -> tuple[PatientView, Assessment] | None:
        """One patient's view, and what it was cut out of; None where nobody of that number was ever judged."""
        assessment = self.assessment([patient_id])
        if patient_id not in set(assessment.patients):
            return None
        with self.opened.reading() as connection:
            one = links(connection, as_of=self.as_of, about=[patient_id])
        common = replace(self.common, drugs=drugs_now(assessment.facts))
        (view,) = patient_views(
            self.opened, assessment, [patient_id], around=self.around, one=one, common=common, names=self.names,
            ended_of=[patient_id],
        )  # fmt: skip
        return view, assessment

    def merged(self, patient_id: str, code: str) -> MergedView | None:
        """What the page of a number says that was merged into another; None where it was not."""
        with self.opened.reading() as connection:
            one = links(connection, as_of=self.as_of, about=[patient_id])
        if patient_id not in one.into:
            return None
        return views.merged_view(
            patient_id,
            one,
            common=self.common,
            code=code,
            page_of=self.names.patient,
            ward_href=self.names.ward(code),
        )

    def assessment(self, patients: Collection[str] | None) -> Assessment:
        """What was recorded of these patients (None: of everybody), with the known rows beside it."""
        opened, as_of = self.opened, self.as_of
        of_unit = None
        with opened.reading() as connection:
            whom = None if patients is None else touched.with_sharers(connection, patients, as_of=as_of)
        if whom is not None:
            of_unit = unit_concordance(opened, whom, as_of=as_of).table
        with opened.reading() as connection:
            was_known = known.known(connection, opened.site, as_of=as_of, patients=whom)
            said = {
                rows.name: stored_results.stored(connection, rows, as_of=as_of, patients=whom)
                for rows in (VERDICTS, WEEKLY_DECLINE)
            }
        return as_recorded(
            replace(was_known, concordance=of_unit),
            verdicts=said[VERDICTS.name],
            weekly_decline=said[WEEKLY_DECLINE.name],
            protocol=opened.protocol,
            as_of=as_of,
            method=opened.method,
        )

    def data(self) -> DataView:
        """The data page's view. Of whom a result was rewritten lately, it is asked who had answered for it."""
        with self.opened.reading() as connection:
            changed = rewritten(connection, self.as_of - REWRITTEN_SINCE, self.as_of)
        about = self.assessment(sorted(set(changed["patient_id"])))
        return data_view(self.opened, about, as_of=self.as_of, shared=self._shared()["data"])

    def unit(self) -> UnitView:
        """The unit page's view, of everybody."""
        numbers = unit_numbers(self.opened, self.assessment(None), as_of=self.as_of)
        return UnitView(**self._shared()["unit"], numbers=numbers)

    def method(self) -> MethodView:
        """The method page's view."""
        return method_view(self.opened, as_of=self.as_of, shared=self._shared()["method"])

    def _shared(self) -> dict[str, dict[str, Any]]:
        return shared_fields(
            self.opened,
            as_of=self.as_of,
            stale_after_hours=STALE_AFTER_HOURS,
            switched_off=self.common.switched_off,
        )


def stored_pages(opened: OpenSite, *, before: StoredPages | None = None) -> StoredPages | None:
    """The site as it was judged last; None where nobody was ever judged.

    `before`: the same since which nothing happened but to alerts: its list is not read again.
    """
    with opened.reading() as connection:
        as_of = alert_store.last_as_of(connection)
        if as_of is None:
            return None
        opened = replace(opened, method=stored_results.last_method(connection) or opened.method)
    names = PageNames(opened.site.page_key())
    if before is not None and before.as_of != as_of:
        before = None
    stands = around(opened, as_of=as_of) if before is None else alerts_anew(opened, before.around)
    if before is not None and _for_alerts(before, before.around) != _for_alerts(before, stands):
        before = None  # who is listed may be another
    alerts = {"urgent": stands.urgent, "unanswered": stands.unanswered}
    listed = ward_list.stored_list(opened, as_of=as_of, **alerts) if before is None else before.listed
    common = stands.common(opened)
    whole = whole_ward(
        opened, listed, stands, common=common, names=names, before=None if before is None else before.whole
    )
    return StoredPages(opened, stands, listed, whole, common, names)


def _for_alerts(pages: StoredPages, stands: Around) -> set[str]:
    """Who is listed for an alert, by the stays that these pages know of."""
    return ward_list.with_alerts(stands.urgent, stands.unanswered, pages.listed.stays)
