"""A rule switched off on a site, and on again; and what a rule would say now, recorded nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.run.answers.who_says import who_says
from cmvmon.run.asking.rule_query import rule_of
from cmvmon.run.judging.in_doubt import laboratories_in_doubt
from cmvmon.shell.alerts import rule_switches
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import journal
from cmvmon.shell.work.clock import moment_of_a_word
from cmvmon.shell.work.opening import held, open_site


def switch(root: Path, code: str, *, is_disabled: bool, why: str, actor: str | None) -> None:
    """Switches a rule off, or on again: from the next assessment on. Its open alerts are then closed, and say why.

    Raises SiteError where there is no such rule, no reason is given, or it stands so already.
    """
    rule_of(code)
    if not why.strip():
        raise SiteError("--why is empty; say in a few words why: every page shows it")
    site = Site(root).require()
    with held(site), open_site(root) as opened:
        at = moment_of_a_word(opened)
        with opened.writing() as connection:
            off = {row["rule"]: row for row in rule_switches.disabled(connection)}
            if (code in off) == is_disabled:
                raise SiteError(f"the rule {code} is switched {'off' if is_disabled else 'on'} already")
            said = {"rule": code, "is_disabled": is_disabled, "changed_at": at, "why": why.strip()}
            row = said | {"actor": who_says(actor)}
            journal.note_switching(site.landing, row)
            rule_switches.record(connection, row)


def tried(root: Path, code: str, *, as_of: datetime) -> dict[str, Any]:
    """What a rule would say of everybody at that moment, whether it is switched off or not: counts, and each alert.

    Nothing is recorded. Raises SiteError where there is no such rule.
    """
    rule_of(code)
    with open_site(root) as opened:
        with opened.reading() as connection:
            was_known = known.known(connection, opened.site, as_of=as_of)
        was_known = replace(was_known, moved_together=laboratories_in_doubt(opened, as_of=as_of))
        verdicts = assess(was_known, protocol=opened.protocol, as_of=as_of, method=opened.method).verdicts
    mine = verdicts.filter(pl.col("rule") == code)
    counts = {verdict: mine.filter(pl.col("verdict") == verdict).height for verdict in words.VERDICT}
    said = mine.filter(pl.col("verdict") == words.ALERT).select("patient_id", "compartment", "tier", "subject")
    reasons = mine.drop_nulls("reason").group_by("reason").len("n").sort("reason")
    return {"rule": code, "as_of": as_of, **counts, "alerts": said.to_dicts(), "reasons": reasons.to_dicts()}
