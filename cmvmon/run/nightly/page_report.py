"""Pages written again, outside the night: the ward's, or one patient's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.run.asking.named_patient import UNKNOWN, last_judged, numbers_of
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.pages.publish import page_of, publish
from cmvmon.shell.alerts import stored_results
from cmvmon.shell.folder.site import Site
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import held, open_site
from cmvmon.text import codes


def report_pages(root: Path, *, patient: str | None, lang: str | None) -> str:
    """The path of the page that was asked for, written anew as of the last assessment.

    Raises SiteError when nothing was assessed yet, the patient is not known, or the language is not.
    """
    site = Site(root).require()
    code = lang or site.settings().language
    if code not in codes():
        raise SiteError(f"there are no pages in {code!r}; choose one of {', '.join(codes())}")
    with held(site), open_site(root) as opened:
        with opened.reading() as connection:
            moment = last_judged(connection)
            if patient is not None:  # before everybody is judged, who would be judged for nothing
                patient = links(connection, as_of=moment, about=[patient]).of(patient)  # under which they go on
                numbers_of(connection, patient, as_of=moment)
            method = stored_results.last_method(connection)
        opened = replace(opened, method=method or opened.method)  # the pages tell what the alerts rest on
        assessment = assessed(opened, as_of=moment)
        if patient is None:
            publish(opened, assessment, as_of=moment)
            return str(site.pages / f"ward.{code}.html")
        if patient not in set(assessment.patients):
            raise SiteError(UNKNOWN)
        publish(opened, assessment, as_of=moment, only={patient})
        return str(site.pages / page_of(site, patient, code))
