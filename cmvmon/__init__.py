"""cmvmon: cytomegalovirus load under treatment on the ICU, from a laboratory's file to an alert and a page.

For a notebook: `read`, `assess`, `read_verdicts`, `weekly_decline`, `fit_lines`, `concordance`, `Protocol` and `simulate`
(docs/notebook.md). They are loaded when first used: importing cmvmon loads neither polars nor numba.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmvmon.face import Protocol, assess, concordance, fit_lines, read, read_verdicts, simulate, weekly_decline

__version__ = "0.1.0"
__all__ = [
    "Protocol",
    "__version__",
    "assess",
    "concordance",
    "fit_lines",
    "read",
    "read_verdicts",
    "simulate",
    "weekly_decline",
]

_FACE = "cmvmon.face"
_ALSO_MODULES = ("assess", "simulate")  # rooms of the house too: `from cmvmon.assess import assess`


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(_FACE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Room(ModuleType):
    """A module that bears the name of a function of the face: called, it is that function."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        face = importlib.import_module(_FACE)
        return getattr(face, self.__name__.rpartition(".")[2])(*given, **named)


class _House(ModuleType):
    """This package. Python binds `cmvmon.assess` to the module once anything imports it; it stays callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ALSO_MODULES and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _House
