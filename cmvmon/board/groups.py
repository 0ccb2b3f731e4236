"""Roles of the groups that an identity provider says somebody is in: what board.toml declares of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cmvmon.board.roles import ROLES, VIEWER
from cmvmon.feeds.toml_reading import StrictTable

_LONGEST = 400


@dataclass(frozen=True)
class Rights:
    """A role, and the wards that are seen by it; None = every ward."""

    role: str
    wards: frozenset[str] | None


@dataclass(frozen=True)
class Groups:
    """The groups that board.toml knows, in the order of the file.

    Attributes:
        header: in which the proxy says in which groups somebody is. separator: what stands between two of them.
    """

    rights: Mapping[str, Rights]
    header: str
    separator: str

    def named(self, header: str) -> frozenset[str]:
        """The groups that a header names; blanks around a name make no difference, capitals do.

        >>> sorted(Groups({}, "X-Forwarded-Groups", ",").named("cmv-consult, icu ,"))
        ['cmv-consult', 'icu']
        """
        return frozenset(name for part in header.split(self.separator) if (name := part.strip()))

    def rights_of(self, named: Collection[str]) -> Rights | None:
        """What somebody of these groups may: the role of the first of them in the file, and the wards of all that give that role.

        None where board.toml knows none of them: then he may nothing.
        """
        mine = [rights for name, rights in self.rights.items() if name in named]
        if not mine:
            return None
        of_role = [rights for rights in mine if rights.role == mine[0].role]
        wards = frozenset(ward for rights in of_role for ward in rights.wards or ())
        return Rights(mine[0].role, None if any(rights.wards is None for rights in of_role) else wards)


NONE = Groups({}, "X-Forwarded-Groups", ",")


def groups(described: StrictTable, identity: StrictTable, *, is_behind_proxy: bool) -> Groups:
    """The groups of board.toml; faults are listed where they are found."""
    header = identity.text("groups_header", required=False)
    separator = identity.text("groups_separator", required=False)
    found = {name: rights for name in described.data if (rights := _rights(described, name)) is not None}
    described.asked.update(described.data)
    if described.data and not is_behind_proxy:
        identity.fault(
            "by", "is not 'proxy', and a proxy alone says of [groups]; give that, or each person under [people]"
        )
    if header is not None and not described.data:
        identity.fault(
            "groups_header", 'is given, and no group; say under [groups."NAME"] what each may, or leave it out'
        )
    if separator is not None and len(separator) != 1:
        identity.fault("groups_separator", "is no single character; give what stands between two groups, as ';'")
    between = separator or NONE.separator
    for name in found:
        if between in name:
            described.fault(name, "holds what stands between two groups; give another identity.groups_separator")
    return Groups(found, header or NONE.header, between)


def _rights(described: StrictTable, name: str) -> Rights | None:
    one = described.table(name)
    if not name.strip() or name != name.strip() or len(name) > _LONGEST or re.search(r"[\x00-\x1f\x7f]", name):
        described.fault(name, "is no name of a group; give it as the identity provider does, without blanks around it")
    role, wards = one.choice("role", ROLES), one.texts("wards")
    if role == VIEWER and not wards:
        one.fault("wards", "is missing; a viewer sees the wards that are named here and no other")
    one.finish()
    return None if role is None else Rights(role, frozenset(wards) or None)
