"""An assessment as pages: the views are filled here, the pages written whole, in every language, under opaque names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from cmvmon import protocol as policy
from cmvmon.assess import Assessment
from cmvmon.dashboards.merged import merged_page
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.row_views import FeedState
from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.views import PatientView, SwitchedOff
from cmvmon.dashboards.ward import ward_page
from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import ClockInDoubt, CmvmonError, ContractBroken, ProtocolError, ProtocolUnusable
from cmvmon.domain.one_thread import in_one_thread
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.run.health import freshness
from cmvmon.run.pages import views
from cmvmon.run.pages.around import STALE_AFTER_HOURS, around, switched_off
from cmvmon.run.pages.page_files import PageFiles
from cmvmon.run.pages.page_names import PageNames
from cmvmon.run.pages.patient_views import patient_views
from cmvmon.run.pages.site_pages import site_pages, write_site_pages
from cmvmon.run.pages.whole_ward import ward_view, whole_ward
from cmvmon.run.ward import ward_list
from cmvmon.run.ward.drugs_now import drugs_now
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.versions.links import links
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import ASSESSMENT_FEED, OpenSite
from cmvmon.text import codes, language

_PLACES_NAMED = 3  # of many places in a protocol file


@dataclass(frozen=True)
class Published:
    """How many files of the ward and its patients were written, how many were as they should be, and the ward page's file name.

    `rendered`: how many pages were rendered to find that out, those about the site among them.
    `n_off_list`: patients with results whom the ward page leaves out for want of stays (`PatientNumbers`).
    """

    written: int
    unchanged: int
    ward_page: str
    rendered: int
    n_off_list: int = 0


@in_one_thread
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
    stands = around(opened, as_of=as_of, standing=standing)
    names = PageNames(opened.site.page_key())
    known = set(assessment.patients)
    if only is None:
        ward = ward_list.of_assessment(assessment, as_of=as_of, urgent=stands.urgent, unanswered=stands.unanswered)
        # A page that exists is kept up to date: one that was left would go on showing alerts that were closed.
        made = {p for p in known if (folder / names.patient(p, settings.language)).exists()}
        wanted = set(ward.patients) | set(stands.alerts["patient_id"].drop_nulls()) | made
    else:
        ward = ward_list.stored_list(opened, as_of=as_of, urgent=stands.urgent, unanswered=stands.unanswered)
        wanted = set(only)
    with opened.reading() as connection:
        one = links(connection, as_of=as_of, about=only)
    # The page of a number that was merged would go on showing what was known before.
    merged = [old for old in sorted(one.into) if (folder / names.patient(old, settings.language)).exists()]
    with_pages = sorted((wanted | {one.of(old) for old in merged}) & known)
    script_name, script = shared_script()
    files = PageFiles(folder, remembers=only is None and into is None)
    # Its name says what is in it; megabytes are looked through again by a night, not for every result.
    if only is None or not (folder / script_name).exists():
        files.put(script_name, script)
    common = replace(stands.common(opened), drugs=ward.drugs if only is None else drugs_now(assessment.facts))
    whole = whole_ward(opened, ward, stands, common=common, names=names)
    of_patients = patient_views(
        opened, assessment, with_pages, around=stands, one=one, common=common, names=names,
        ended_of=None if only is None else with_pages,
    )  # fmt: skip
    _patient_pages(files, of_patients, names)
    told = files.shows(whole)
    for code in codes():
        spoken = language(code)
        for old in merged:
            gone = views.merged_view(
                old, one, common=common, code=code, page_of=names.patient, ward_href=names.ward(code)
            )
            files.put(names.patient(old, code), merged_page(gone, language=spoken))
        rows = tuple(replace(row, href=names.patient(row.patient_id, code)) for row in whole.rows)
        on_page = replace(whole, rows=rows)
        shows = told and files.shows(told, code, script_name, *(row.href for row in rows))
        rendered = cache(partial(ward_page, on_page, language=spoken, script=script_name))  # under two names: once
        for name in (names.ward(code), *(["index.html"] if code == settings.language else [])):
            files.page(name, shows, rendered)
    files.flush()
    written, unchanged = files.n_written, files.n_unchanged
    if only is None:
        site_pages(
            opened,
            assessment,
            files,
            as_of=as_of,
            stale_after_hours=STALE_AFTER_HOURS,
            switched_off=stands.switched_off,
        )
    files.finish()
    return Published(written, unchanged, names.ward(settings.language), files.n_rendered, whole.numbers.n_off_list)


def _patient_pages(files: PageFiles, of_patients: Iterator[PatientView], names: PageNames) -> None:
    """The page of each patient, in every language."""
    script = shared_script()[0]
    for view in of_patients:
        told = files.shows(view)
        for code in codes():
            mine = replace(view, ward_href=names.ward(code))
            shows = told and files.shows(told, code, script, mine.ward_href)
            files.page(view.hrefs[code], shows, partial(patient_page, mine, language=language(code), script=script))


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
    _write_halt(site, site.protocol_file(), now(), (), (), FeedState(ASSESSMENT_FEED, WHOLE_DELIVERY, None, None, code))


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
    _write_halt(opened.site, opened.protocol, as_of, feeds, standing, *unrecorded, off=off, waits=opened.waits)
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
    waits: WaitingPolicy | None = None,
) -> None:
    settings, names = site.settings(), PageNames(site.page_key())
    shown = Protocol.shipped() if protocol is None else protocol  # nothing is judged by it
    common = views.Common(shown, as_of, settings.time_zone, settings.is_demo, STALE_AFTER_HOURS, off, waits=waits)
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
