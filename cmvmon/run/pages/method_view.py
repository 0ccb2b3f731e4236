"""The method page's view: the rulebook and the protocol that judge, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon import protocol as policy
from cmvmon.dashboards.site_views import JudgedBy, MethodView, RuleView
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.protocol.differences import Difference, differences
from cmvmon.protocol.numbers import ByFact, number_of, written
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.context import LINES
from cmvmon.run.asking.protocol_query import read_for
from cmvmon.shell.folder import approved
from cmvmon.shell.folder.in_force import former
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in.delivered_counts import labels_used
from cmvmon.shell.work.opening import OpenSite

EARLIER = "earlier"  # SITE/protocol/earlier: former protocol files, which judge nobody
_DRUG_STATEMENTS = ("G14", "G16")


def method_view(opened: OpenSite, *, as_of: datetime, shared: Mapping[str, Any]) -> MethodView:
    """The view at `as_of`. `shared`: the fields of `SiteView`."""
    protocol = opened.protocol
    with opened.reading() as connection:
        labels = labels_used(connection, as_of=as_of)
        earlier, fault, changed = _changes(opened, connection, [label for label, _ in labels])
    return MethodView(
        **shared,
        rules=tuple(_rule(rule, protocol) for rule in all_rules()),
        drugs=tuple(
            (name, "treatment" if drug.is_treatment else "not_treatment") for name, drug in protocol.drugs.items()
        ),
        order_guide=_DRUG_STATEMENTS,
        context=tuple((line.key, line.guide, _told(line.tells, protocol)) for line in LINES),
        judged_by=tuple(JudgedBy(*pair) for pair in labels),
        earlier=earlier,
        earlier_fault=fault,
        differences=changed,
    )


def _rule(rule: Rule, protocol: policy.Protocol) -> RuleView:
    numbers = {one for name in rule.numbers for one in written(protocol, rule.code, name)}
    origin = protocol.rules[rule.code].provenance
    return RuleView(
        rule.code,
        tuple(rule.tier),
        rule.is_state,
        tuple(sorted(numbers, key=lambda n: (n.stanza != f"rules.{rule.code}", n.stanza, n.key))),
        origin.source,
        origin.strength,
        origin.owner,
        origin.guide,
    )


def _told(value: Any, protocol: policy.Protocol) -> float | None:
    """The number that a context line tells."""
    if value is None:
        return None
    (name,) = value.columns
    found = number_of(protocol, "context", name.removeprefix(PROTOCOL))
    return None if isinstance(found, ByFact) else found


def _changes(
    opened: OpenSite, connection: sa.Connection, labels: list[str]
) -> tuple[str | None, str | None, tuple[Difference, ...]]:
    """The former protocol's label, the name of a former file that can't be read, and what differs.

    Held against what judged last before this one, by the text that was approved under that label, else by its file; where there is
    neither of any that judged, against the last file by name.
    """
    files: dict[str, policy.Protocol] = {}
    unread: list[str] = []
    for path in sorted((opened.site.root / "protocol" / EARLIER).glob("*.toml")):
        read = _read(opened.site, path)
        if read is None:
            unread.append(path.name)
        else:
            files[read.version] = read
    hashes = {one.version: one.protocol_hash for one in approved.approvals(connection)}
    fault = ", ".join(unread) or None
    for label in [*reversed(labels), *sorted({*files} - {*labels}, reverse=True)]:
        kept = former(connection, hashes[label]) if label in hashes else None
        before = kept or files.get(label)
        if before is not None and label != opened.protocol.version:
            return label, fault, differences(before, opened.protocol)
    return None, fault, ()


def _read(site: Site, path: Path) -> policy.Protocol | None:
    try:
        return read_for(site, path)
    except (ProtocolError, SiteError):
        return None
