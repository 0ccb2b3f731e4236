"""An assessment as pages: the views are filled here, the pages written whole, in every language, under opaque names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon import protocol as policy
from cmvmon.assess import Assessment, next_samples
from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import ClockInDoubt, CmvmonError, ContractBroken, ProtocolError, ProtocolUnusable
from cmvmon.domain.results import ALERTS
from cmvmon.run.asking import rested_query
from cmvmon.run.health import freshness
from cmvmon.run.pages import views
from cmvmon.run.pages.caveats import feed_caveats, own_caveats
from cmvmon.run.pages.lately import ENDED_SHOWN_FOR, lately
from cmvmon.run.pages.never_delivered import never_delivered
from cmvmon.run.pages.page_names import PageNames
from cmvmon.run.pages.site_pages import write_site_pages
from cmvmon.run.pages.whole_ward import switched_off, ward_view, whole_ward
from cmvmon.run.ward import ward_list
from cmvmon.run.ward.drugs_now import drugs_now
from cmvmon.shell.alerts import alert_history, alert_store
from cmvmon.shell.basis.files import write_atomically, write_texts
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.taken_in.never_taken_in import never_taken_in
from cmvmon.shell.versions.links import links
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import ASSESSMENT_FEED, OpenSite
from cmvmon.text import codes, language
from dashboards.merged import merged_page
from dashboards.patient import patient_page
from dashboards.script import shared_script
from dashboards.views import FeedState, SwitchedOff
from dashboards.ward import ward_page

_PLACES_NAMED = 3  # of many places in a protocol file
STALE_AFTER_HOURS = 36  # a page is made each night; the reader's own clock marks one that is older


@dataclass(frozen=True)
class Published:
    """How many pages of the ward and its patients were written, how many were as they should be, and the ward page's file name."""

    written: int
    unchanged: int
    ward_page: str


def publish(
    opened: OpenSite,
    assessment: Assessment,
    *,
    as_of: datetime,
    only: Collection[str] | None = None,
    into: Path | None = None,
    standing: Sequence[Mapping[str, object]] | None = None,
) -> Published:
    """Writes the ward page and the pages of its patients; without `only` those about the site too.

    `only`: the pages of these patients, beside a ward page that is made from what is stored: nobody else need be in the
    assessment.
    `into`: another folder than the site's own pages, and `standing`: other alerts than those that stand open in the store.
    """
    settings = opened.site.settings()
    folder = into or opened.site.pages
    with opened.reading() as connection:
        waiting = quarantine.waits(connection, as_of=as_of)
        feeds = freshness.feed_tables(connection, opened.site, as_of=as_of, waiting=waiting)
        standing = alert_store.alerts(connection, states={"open"}) if standing is None else standing
        happened = lately(connection, as_of=as_of, time_zone=settings.time_zone)
        off = switched_off(connection, as_of)
        missing = never_delivered(connection, as_of=as_of, switched_off={rule.rule for rule in off})
    open_alerts = ALERTS.conform(pl.DataFrame(standing, schema=ALERTS.schema, infer_schema_length=None))
    names = PageNames(opened.site.page_key())
    known = set(assessment.patients)
    urgent = set(open_alerts.filter(pl.col("tier") < 3)["patient_id"].drop_nulls())
    if only is None:
        ward = ward_list.of_assessment(assessment, as_of=as_of, urgent=urgent)
        # A page that exists is kept up to date: one that was left would go on showing alerts that were closed.
        made = {p for p in known if (folder / names.patient(p, settings.language)).exists()}
        wanted = set(ward.patients) | set(open_alerts["patient_id"].drop_nulls()) | made
    else:
        ward = ward_list.stored_list(opened, as_of=as_of, urgent=urgent)
        wanted = set(only)
    with opened.reading() as connection:
        one = links(connection, as_of=as_of, about=only)
        waiting = frozenset(
            replace(each, patient_id=one.of(each.patient_id)) if each.patient_id else each for each in waiting
        )
        n_never = never_taken_in(connection, as_of=as_of)
        rested = rested_query.of_open(
            connection, [row for row in standing if only is None or row["patient_id"] in only]
        )
        # The page of a number that was merged would go on showing what was known before.
        merged = [old for old in sorted(one.into) if (folder / names.patient(old, settings.language)).exists()]
        with_pages = sorted((wanted | {one.of(old) for old in merged}) & known)
        ended = alert_history.ended_between(
            connection, as_of - ENDED_SHOWN_FOR, as_of, patients=None if only is None else with_pages
        )
    script_name, script = shared_script()
    # Its name says what is in it; megabytes are looked through again by a night, not for every result.
    needs_script = only is None or not (folder / script_name).exists()
    pages: dict[str, str] = {script_name: script} if needs_script else {}
    caveats = feed_caveats(feeds, waiting)
    fitted = views.fitted_trajectories(assessment, with_pages, protocol=opened.protocol)
    open_calls = next_samples(assessment, with_pages, protocol=opened.protocol, as_of=as_of)
    common = views.Common(
        opened.protocol,
        as_of,
        settings.time_zone,
        settings.is_demo,
        STALE_AFTER_HOURS,
        off,
        missing,
        ward.drugs if only is None else drugs_now(assessment.facts),
    )
    listed = views.results_to_show(assessment, protocol=opened.protocol)
    whole = replace(
        whole_ward(opened, ward, open_alerts, feeds=feeds, standing=standing, common=common, names=names),
        lately=happened,
        n_never_taken_in=n_never,
    )
    for patient_id in with_pages:
        view = views.patient_view(
            patient_id,
            assessment,
            open_alerts,
            ended=[alert for alert in ended if alert["patient_id"] == patient_id],
            common=common,
            results=listed,
            fitted=fitted,
            next_sample=open_calls,
            caveats=(*own_caveats(patient_id, waiting), *caveats),
            rested=rested,
            ward_href=names.ward(settings.language),
            hrefs={c: names.patient(patient_id, c) for c in codes()},
        )
        for code in codes():
            mine = replace(view, ward_href=names.ward(code))
            pages[names.patient(patient_id, code)] = patient_page(mine, language=language(code), script=script_name)
    for code in codes():
        spoken = language(code)
        for old in merged:
            gone = views.merged_view(
                old, one, common=common, code=code, page_of=names.patient, ward_href=names.ward(code)
            )
            pages[names.patient(old, code)] = merged_page(gone, language=spoken)
        rows = tuple(replace(row, href=names.patient(row.patient_id, code)) for row in whole.rows)
        pages[names.ward(code)] = ward_page(replace(whole, rows=rows), language=spoken, script=script_name)
    pages["index.html"] = pages[names.ward(settings.language)]
    written = write_texts(folder, pages)
    if only is None:
        write_site_pages(
            opened, assessment, as_of=as_of, stale_after_hours=STALE_AFTER_HOURS, switched_off=off, into=folder
        )
    return Published(written, len(pages) - written, names.ward(settings.language))


@contextmanager
def halting(opened: OpenSite, *, as_of: datetime | None = None) -> Iterator[None]:
    """Where the assessment inside is stopped, the ward page says so before the error goes on. `as_of`: without it, now."""
    try:
        yield
    except (ContractBroken, ProtocolError):
        _publish_halt(opened, as_of or now())
        raise
    except ClockInDoubt as error:  # nothing is recorded under such a clock, so the page says it by itself
        _publish_halt(opened, as_of or now(), FeedState(ASSESSMENT_FEED, WHOLE_DELIVERY, None, None, error.code))
        raise


def publish_without_store(site: Site, code: str) -> None:
    """A ward page that says why there is no list on it, of a site whose store can't be used. `code` is one of the work's."""
    _write_halt(site, site.protocol(), now(), (), (), FeedState(ASSESSMENT_FEED, WHOLE_DELIVERY, None, None, code))


def publish_without_protocol(site: Site, error: ProtocolUnusable) -> None:
    """A ward page that says since when nothing was judged, and which place of the protocol file can't be used: no list is on it."""
    at, last = now(), None
    feeds: Sequence[FeedTable] = ()
    standing: Sequence[Mapping[str, object]] = ()
    off: tuple[SwitchedOff, ...] = ()
    if database.exists(site.database):
        with open_store(site.database) as store, store.reading() as connection:
            last = alert_store.last_as_of(connection, scope="all")
            feeds = freshness.feed_tables(connection, site, as_of=at)
            standing = alert_store.alerts(connection, states={"open"})
            off = switched_off(connection, at)
    more = len(error.places) - _PLACES_NAMED
    places = ", ".join((*error.places[:_PLACES_NAMED], *([f"+{more}"] if more > 0 else [])))
    state = FeedState(ASSESSMENT_FEED, WHOLE_DELIVERY, last, None, error.code, file_name=places or None)
    _write_halt(site, None, at, feeds, standing, state, off=off)


def _publish_halt(opened: OpenSite, as_of: datetime, *unrecorded: FeedState) -> None:
    """A ward page that says the assessment was stopped, with no list on it: an old list would read as today's."""
    with opened.reading() as connection:
        feeds = freshness.feed_tables(connection, opened.site, as_of=as_of)
        standing = alert_store.alerts(connection, states={"open"})
        off = switched_off(connection, as_of)
    _write_halt(opened.site, opened.protocol, as_of, feeds, standing, *unrecorded, off=off)
    with suppress(CmvmonError):  # the ward page has said it, and what stopped the work is the error to tell
        write_site_pages(opened, None, as_of=as_of, stale_after_hours=STALE_AFTER_HOURS, switched_off=off)


def _write_halt(
    site: Site,
    protocol: policy.Protocol | None,
    as_of: datetime,
    feeds: Sequence[FeedTable],
    standing: Sequence[Mapping[str, object]],
    *unrecorded: FeedState,
    off: tuple[SwitchedOff, ...] = (),
) -> None:
    settings, names = site.settings(), PageNames(site.page_key())
    shown = Protocol.shipped() if protocol is None else protocol  # nothing is judged by it
    common = views.Common(shown, as_of, settings.time_zone, settings.is_demo, STALE_AFTER_HOURS, off)
    view = ward_view((), feeds, standing, common, names)
    if protocol is None:
        view = replace(view, protocol_version="?", is_signed=False)
    view = replace(view, feeds=(*unrecorded, *view.feeds))
    for code in codes():
        page = ward_page(view, language=language(code), script=shared_script()[0]).encode()
        write_atomically(site.pages / names.ward(code), page)
        if code == settings.language:
            write_atomically(site.pages / "index.html", page)


def page_of(site: Site, patient_id: str, code: str) -> str:
    """The file name of a patient's page."""
    return PageNames(site.page_key()).patient(patient_id, code)
