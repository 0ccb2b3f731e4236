"""The views of patients' pages, cut out of an assessment and what stands around it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from cmvmon.assess import Assessment, next_samples
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.patient_links import Links
from cmvmon.facts.stays import STAYS
from cmvmon.run.asking import rested_query
from cmvmon.run.pages import views
from cmvmon.run.pages.around import Around
from cmvmon.run.pages.caveats import death_caveats, feed_caveats, own_caveats
from cmvmon.run.pages.lately import ENDED_SHOWN_FOR
from cmvmon.run.pages.page_names import PageNames
from cmvmon.run.pages.some_patients import SomePatients
from cmvmon.shell.alerts import alert_history
from cmvmon.shell.work.opening import OpenSite
from cmvmon.text import codes

_AT_ONCE = 64  # patients whose tables are cut together: more take memory, fewer ask each table more often


def patient_views(
    opened: OpenSite,
    assessment: Assessment,
    patients: Sequence[str],
    *,
    around: Around,
    one: Links,
    common: views.Common,
    names: PageNames,
    ended_of: Collection[str] | None,
) -> Iterator[PatientView]:
    """The view of each, in their order, with the ward page in the site's language.

    Args:
        one: the links among them. ended_of: whose ended alerts are read; None = of everybody at once.
    """
    as_of, protocol, them = around.as_of, opened.protocol, frozenset(patients)
    with opened.reading() as connection:
        rested = rested_query.of_open(connection, [row for row in around.standing if row["patient_id"] in them])
        ended = alert_history.ended_between(connection, as_of - ENDED_SHOWN_FOR, as_of, patients=ended_of)
    waiting = around.waiting_under(one)
    of_feeds = feed_caveats(around.feeds, waiting)
    of_deaths = death_caveats(assessment.facts.of(STAYS))
    results = views.results_to_show(assessment, protocol=protocol)
    ward_href = names.ward(opened.site.settings().language)
    for first in range(0, len(patients), _AT_ONCE):
        some = SomePatients(tuple(patients[first : first + _AT_ONCE]), assessment, protocol)
        fitted = views.fitted_trajectories(assessment, some.patients, protocol=protocol)
        open_calls = next_samples(assessment, some.patients, protocol=protocol, as_of=as_of)
        for patient_id in some.patients:
            yield views.patient_view(
                patient_id,
                assessment,
                around.alerts,
                some=some,
                ended=[alert for alert in ended if alert["patient_id"] == patient_id],
                common=common,
                results=results,
                fitted=fitted,
                next_sample=open_calls,
                caveats=(*of_deaths.get(patient_id, ()), *own_caveats(patient_id, waiting), *of_feeds),
                rested=rested,
                ward_href=ward_href,
                hrefs={code: names.patient(patient_id, code) for code in codes()},
            )
