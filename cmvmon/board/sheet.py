"""A patient's sheet as PDF, where this machine can make one."""

from __future__ import annotations

from ctypes.util import find_library

from cmvmon.dashboards.exports import patient_pdf
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language


def can_be_made() -> bool:
    """Whether Pango is on this machine, which draws the letters."""
    return find_library("pango-1.0") is not None


def sheet_pdf(view: PatientView, language: Language) -> bytes:
    """The first sheet of the patient's page, as `cmvmon report --format pdf` gives it. Raises SiteError without Pango."""
    return patient_pdf(patient_page(view, language=language, script=None))
