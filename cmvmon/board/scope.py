"""Whom a reader may see: of a reader of some wards nobody else's patient has a name, a count or a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmvmon.board.board_file import Person
from cmvmon.board.roles import may_see_patients, may_see_work
from cmvmon.run.pages.stored_pages import StoredPages


@dataclass(frozen=True)
class Reader:
    """Somebody who is known and has a role. `shown`: how pages and alerts call him."""

    login: str
    shown: str
    role: str
    wards: frozenset[str] | None

    @classmethod
    def of(cls, person: Person) -> Reader:
        return cls(person.login, person.shown, person.role, person.wards)


@dataclass(frozen=True)
class Scope:
    """What a reader may see of a site. `patients`: who of the ward's list; None = everybody."""

    reader: Reader
    stored: StoredPages
    patients: frozenset[str] | None

    def wards(self) -> tuple[str, ...]:
        """The wards of the list that he may see."""
        mine = self.reader.wards
        return tuple(ward for ward in self.stored.wards if mine is None or ward in mine)

    def in_ward(self, ward: str) -> frozenset[str]:
        """Who of them lies on that ward."""
        return frozenset(patient for patient, place in self.stored.places.items() if place[0] == ward)

    def may_see(self, patient_id: str) -> bool:
        """Whether he may see that patient, on the list or not."""
        if not may_see_patients(self.reader.role):
            return False
        return self.reader.wards is None or self.stored.place_of(patient_id)[0] in self.reader.wards

    def may_see_alert(self, alert: Mapping[str, Any]) -> bool:
        """Whether he may see that alert: of a patient, or about the work itself."""
        if alert["patient_id"] is None:
            return may_see_work(self.reader.role) and self.reader.wards is None
        return self.may_see(str(alert["patient_id"]))


def scope_of(stored: StoredPages, reader: Reader) -> Scope:
    """What that reader may see of the site as it was judged last."""
    if not may_see_patients(reader.role):
        return Scope(reader, stored, frozenset())
    if reader.wards is None:
        return Scope(reader, stored, None)
    return Scope(reader, stored, frozenset(p for p, place in stored.places.items() if place[0] in reader.wards))
