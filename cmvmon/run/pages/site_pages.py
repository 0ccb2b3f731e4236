"""The pages about the site: data, unit and method, in every language. Written by a night, `report` and a halt; never by a refresh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from cmvmon import __version__
from cmvmon.assess import Assessment
from cmvmon.dashboards.data_page import data_page
from cmvmon.dashboards.method_page import method_page
from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.site_page import PAGES, file_name
from cmvmon.dashboards.site_views import UnitView
from cmvmon.dashboards.unit_page import unit_page
from cmvmon.dashboards.views import SwitchedOff
from cmvmon.run.asking.unit_query import unit_numbers
from cmvmon.run.pages.data_view import data_view
from cmvmon.run.pages.method_view import method_view
from cmvmon.run.pages.page_files import PageFiles
from cmvmon.shell.work.opening import OpenSite
from cmvmon.text import codes, language


def write_site_pages(
    opened: OpenSite,
    assessment: Assessment | None,
    *,
    as_of: datetime,
    stale_after_hours: int,
    switched_off: Sequence[SwitchedOff],
) -> None:
    """Writes those that have changed into the site's own folder. Arguments as `site_pages`."""
    files = PageFiles(opened.site.pages)
    site_pages(opened, assessment, files, as_of=as_of, stale_after_hours=stale_after_hours, switched_off=switched_off)
    files.finish()


def site_pages(
    opened: OpenSite,
    assessment: Assessment | None,
    files: PageFiles,
    *,
    as_of: datetime,
    stale_after_hours: int,
    switched_off: Sequence[SwitchedOff],
) -> None:
    """The pages, among these files.

    `assessment`: of everybody at `as_of`; None = it was stopped: the unit page says so, and the data page says why.
    """
    script = shared_script()[0]
    shared = shared_fields(opened, as_of=as_of, stale_after_hours=stale_after_hours, switched_off=switched_off)
    data = data_view(opened, assessment, as_of=as_of, shared=shared["data"])
    numbers = None if assessment is None else unit_numbers(opened, assessment, as_of=as_of)
    unit = UnitView(**shared["unit"], numbers=numbers)
    method = method_view(opened, as_of=as_of, shared=shared["method"])
    for code in codes():
        spoken = language(code)
        for name, view, page in (
            ("data", data, partial(data_page, data)),
            ("unit", unit, partial(unit_page, unit)),
            ("method", method, partial(method_page, method)),
        ):
            shows = files.shows(view, name, code, script)
            files.page(file_name(name, code), shows, partial(page, language=spoken, script=script))


def shared_fields(
    opened: OpenSite, *, as_of: datetime, stale_after_hours: int, switched_off: Sequence[SwitchedOff]
) -> dict[str, dict[str, Any]]:
    """The fields of `SiteView` of each page about the site, by the page's name."""
    settings = opened.site.settings()
    return {
        name: {
            "as_of": as_of,
            "time_zone": settings.time_zone,
            "protocol": opened.protocol,
            "code_version": __version__,
            "is_synthetic": settings.is_demo,
            "hrefs": {code: file_name(name, code) for code in codes()},
            "switched_off": tuple(switched_off),
            "waits": opened.waits,
            "stale_after_hours": stale_after_hours,
        }
        for name in PAGES
    }
