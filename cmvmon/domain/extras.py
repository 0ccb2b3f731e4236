"""Which libraries come with which extra of the installation, and what is said where one is missing.

The core (`analyze`, `fit`, `simulate`, `import cmvmon`) needs none of them. pyproject.toml has the same in versions; a test holds
the two together. A module that needs an extra imports its libraries where they are used, so that what does not need them runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from cmvmon.domain.errors import MissingExtra

MODULES: Mapping[str, tuple[str, ...]] = {  # by extra: what its own libraries are imported as
    "contracts": ("great_expectations", "pandas", "yaml"),
    "ward": (
        "alembic",
        "apprise",
        "babel",
        "jinja2",
        "markupsafe",
        "plotly",
        "prometheus_client",
        "psycopg",
        "weasyprint",
    ),
    "prefect": ("prefect", "uvicorn"),
    "feeds": ("cryptography", "h11"),
    "board": ("argon2", "itsdangerous", "starlette", "uvicorn"),
    "spark": ("pyspark",),
    "sail": ("pysail",),
}
INCLUDED: Mapping[str, tuple[str, ...]] = {
    "ward": ("contracts",),
    "prefect": ("ward",),
    "board": ("ward",),
    "sail": ("spark",),
}


def extra_of(module: str) -> str | None:
    """The extra that brings a module, or a part of one; None where none does.

    >>> extra_of("great_expectations.core"), extra_of("numpy")
    ('contracts', None)
    """
    top = module.partition(".")[0]
    return next((extra for extra, modules in MODULES.items() if top in modules), None)


def lacking(extra: str) -> tuple[str, ...]:
    """The modules of an extra, and of those that it includes, which are not installed. Nothing is imported."""
    within = [name for each in INCLUDED.get(extra, ()) for name in lacking(each)]
    return (*within, *not_there(extra))


def not_there(extra: str) -> tuple[str, ...]:
    """The modules of an extra's own that are not installed. Nothing is imported."""
    return tuple(name for name in MODULES[extra] if not _is_there(name))


def require(what: str, *extras: str) -> None:
    """Nothing where these extras are installed.

    Raises MissingExtra: `what` needs those that are not, and how each is installed.
    """
    missing = [extra for extra in extras if lacking(extra)]
    if missing:
        raise MissingExtra(needs(what, *missing))


def needs(what: str, *extras: str) -> str:
    """The sentence for extras that are not installed.

    >>> needs("`cmvmon board`", "board")
    "`cmvmon board` needs the extra [board], which is not installed: pip install 'cmvmon[board]', from where cmvmon came"
    """
    *first, last = (f"[{extra}]" for extra in extras)
    named = f"{', '.join(first)} and {last}" if first else last
    are = "extras" if len(extras) > 1 else "extra"
    which = "which are" if len(extras) > 1 else "which is"
    return f"{what} needs the {are} {named}, {which} not installed: {how(*extras)}"


def how(*extras: str) -> str:
    """How extras are installed, without the name of any index.

    >>> how("feeds", "ward")
    "pip install 'cmvmon[feeds,ward]', from where cmvmon came"
    """
    return f"pip install 'cmvmon[{','.join(extras)}]', from where cmvmon came"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a module that was put there by hand, without a spec
        return True
