"""In which language somebody is answered: that of the page he asks for, else the one that his browser asks for, else the site's."""

from __future__ import annotations

import re

from starlette.requests import Request

from cmvmon.text import codes

_MOST = 20  # languages of one header that are looked at
_OF_A_PAGE = re.compile(r"\.([a-z]{2})\.[a-z.]+$")


def tongue(request: Request, default: str) -> str:
    """The code of that language. The page's own stands in its path, also where no route has that path; `default`: the site's."""
    named = request.path_params.get("lang") or (m[1] if (m := _OF_A_PAGE.search(request.url.path[-40:])) else None)
    if named in codes():
        return str(named)
    return wanted(request.headers.get("accept-language", "")) or default


def wanted(accept_language: str) -> str | None:
    """The language that a header `Accept-Language` likes best of those that are spoken here; None where it names none of them.

    >>> wanted("fr-BE, en;q=0.7, nl-BE;q=0.9")
    'nl'
    """
    liked: dict[str, float] = {}
    for part in accept_language.split(",")[:_MOST]:
        name, *more = (piece.strip().lower() for piece in part.split(";"))
        code, weight = name.partition("-")[0], _weight(more)
        if code in codes() and weight > 0:
            liked[code] = max(weight, liked.get(code, 0.0))
    return max(liked, key=lambda code: liked[code]) if liked else None


def _weight(parameters: list[str]) -> float:
    given = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    return float(given) if re.fullmatch(r"[01](\.\d{0,3})?", given) else 0.0
