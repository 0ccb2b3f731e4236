"""Who may do what on the board: the roles, and every route with the roles that may ask for it. What is not listed here does not exist.

A route that shows patients shows a reader of some wards only the patients of these. A `viewer` always has wards; whoever has none
given sees every ward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VIEWER, CONSULTANT, DATA, ADMIN = ROLES = ("viewer", "consultant", "data", "admin")
_CLINICAL = frozenset({VIEWER, CONSULTANT, ADMIN})
_CONSULT = frozenset({CONSULTANT, ADMIN})
_ABOUT_THE_SITE = frozenset({CONSULTANT, DATA, ADMIN})
_ALL = frozenset(ROLES)
GET, POST = "GET", "POST"


@dataclass(frozen=True)
class Route:
    """One thing that can be asked for.

    Attributes:
        path: as Starlette writes it.
        roles: who may. None = anybody, also who has not signed in.
        event: what the audit log calls it; "" = it is no view and no action, and only its refusal is logged.
        is_whole: it counts the whole site, so that a reader of some wards may not see it.
    """

    name: str
    method: str
    path: str
    roles: frozenset[str] | None
    event: str
    is_whole: bool = False


_LISTED = (
    Route("home", GET, "/", _ALL, ""),
    Route("index", GET, "/index.html", _ALL, ""),
    Route("sign_in_page", GET, "/sign-in.{lang:lang}.html", None, ""),
    Route("sign_in", POST, "/sign-in.{lang:lang}.html", None, "sign_in"),
    Route("sign_out", POST, "/sign-out.{lang:lang}.html", _ALL, "sign_out"),
    Route("ward", GET, "/ward.{lang:lang}.html", _CLINICAL, "view_ward"),
    Route("worklist", GET, "/worklist.{lang:lang}.html", _ALL, "view_worklist"),
    Route("search", POST, "/search.{lang:lang}.html", _CLINICAL, "search"),
    Route("data", GET, "/data.{lang:lang}.html", _ABOUT_THE_SITE, "view_data", is_whole=True),
    Route("unit", GET, "/unit.{lang:lang}.html", _ABOUT_THE_SITE, "view_unit", is_whole=True),
    Route("method", GET, "/method.{lang:lang}.html", _ALL, "view_method"),
    Route("alert", GET, "/alert-{alert:opaque}.{lang:lang}.html", _ALL, "view_alert"),
    Route("acknowledge", POST, "/acknowledge-{alert:opaque}.{lang:lang}.html", _ABOUT_THE_SITE, "acknowledge"),
    Route("snooze", POST, "/snooze-{alert:opaque}.{lang:lang}.html", _ABOUT_THE_SITE, "snooze"),
    Route("reopen", POST, "/reopen-{alert:opaque}.{lang:lang}.html", _ABOUT_THE_SITE, "reopen"),
    Route("readback", POST, "/readback-{alert:opaque}.{lang:lang}.html", _CONSULT, "read_back"),
    Route("patient", GET, "/{page:opaque}.{lang:lang}.html", _CLINICAL, "view_patient"),
    Route("patient_csv", GET, "/{page:opaque}.csv", _CONSULT, "export_csv"),
    Route("patient_fhir", GET, "/{page:opaque}.{lang:lang}.fhir.json", _CONSULT, "export_fhir"),
    Route("patient_pdf", GET, "/{page:opaque}.{lang:lang}.pdf", _CLINICAL, "export_pdf"),
    Route("events", GET, "/events", _ALL, ""),
    Route("script", GET, "/{script:script}", _ALL, ""),
    Route("icon", GET, "/favicon.ico", None, ""),
)
ROUTES: Mapping[str, Route] = {route.name: route for route in _LISTED}
ANSWERS = ("acknowledge", "snooze", "reopen", "readback")


def may(role: str, wards: frozenset[str] | None, route: Route) -> bool:
    """Whether somebody of that role, who sees these wards (None: all), may ask for that route at all."""
    if route.roles is None:
        return True
    return role in route.roles and not (route.is_whole and wards is not None)


def may_see_work(role: str) -> bool:
    """Whether that role sees alerts about the work itself: feeds, nights and clocks."""
    return role in _ABOUT_THE_SITE


def may_see_patients(role: str) -> bool:
    """Whether that role sees patients at all."""
    return role in _CLINICAL
