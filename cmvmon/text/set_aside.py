"""The coded reasons for answering an alert or setting it aside, with their words and their code in CDS Hooks."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from cmvmon.domain.errors import SiteError


@dataclass(frozen=True)
class Reason:
    """One reason. `coded` and `display`: of `system`, HL7's vocabulary of reasons for overriding a CDS Hooks card. `only`: the code of
    the alerts about the work that it answers, and no other; None = any."""

    code: str
    system: str
    coded: str
    display: str
    words: Mapping[str, str]
    only: str | None = None


@cache
def reasons() -> Mapping[str, Reason]:
    """Every reason by our code, as cmvmon/text/set_aside.toml lists them."""
    file = tomllib.loads(resources.files("cmvmon.text").joinpath("set_aside.toml").read_text(encoding="utf-8"))
    return {
        code: Reason(
            code,
            file["system"],
            row["coded"],
            row["display"],
            {name: row[name] for name in ("en", "nl")},
            row.get("only"),
        )
        for code, row in file["reasons"].items()
    }


def reasons_for(about: Collection[str]) -> Mapping[str, Reason]:
    """Those that answer an alert about the work of these codes; of none, those that answer any alert."""
    return {code: one for code, one in reasons().items() if one.only is None or one.only in about}


def reason_of(code: str | None, among: Mapping[str, Reason] | None = None) -> Reason:
    """The reason of that code. Raises SiteError, with every code and what it means, where there is none; None = nobody gave one.
    `among`: those that may be given; None = every one."""
    may_be_given = reasons() if among is None else among
    found = None if code is None else may_be_given.get(code)
    if found is None:
        listed = "; ".join(f"{one.code} ({one.words['en']})" for one in may_be_given.values())
        wrong = "say why, by --reason CODE" if not code else f"there is no reason {code!r}"
        if code and (elsewhere := reasons().get(code)) is not None:
            wrong += (
                f" for this answer: it acknowledges an alert of the work about {elsewhere.only}, and answers no other"
            )
        raise SiteError(f"{wrong}; the reasons are: {listed}")
    return found


def override_reason(code: str, comment: str | None) -> dict[str, object]:
    """The same as `overrideReason` of a CDS Hooks feedback: the coding, and the free text beside it where there is any."""
    one = reason_of(code)
    coding = {"system": one.system, "code": one.coded, "display": one.display}
    return {"reason": coding} | ({"userComment": comment} if comment else {})
