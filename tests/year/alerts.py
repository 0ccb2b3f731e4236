"""Two rules said again in plain words, and the life of their alerts: docs/rules.md, docs/alerts.md and decision 0024."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.year.model import OFF, ON, UNKNOWN, Unit
from tests.year.records import Policy, Result

NO_FOLLOW_UP, BAL = "no_follow_up", "bal_at_local_line"
ALERT, CLEAR, CANNOT_TELL = "alert", "clear", "cannot tell"
EARLY = timedelta(days=7)
Said = tuple[str, tuple[Result, ...]]


@dataclass
class Alerts:
    """The open alerts of the two rules: by rule and patient, the results that its words rest on, as they were then."""

    open: dict[tuple[str, str], tuple[Result, ...]] = field(default_factory=dict)
    away: dict[tuple[str, str], tuple[Result, ...]] = field(default_factory=dict)  # under a number that was merged away

    def after(self, unit: Unit, at: datetime, policy: Policy) -> set[tuple[str, str]]:
        """Brings them up to date with a night, and says which are open."""
        current, left, merged = unit.current(at), unit.left(at), unit.merged(at)
        for rule, patient in [key for key in self.open if key[1] in merged]:  # nobody has answered: it goes on
            before = self.away[rule, patient] = self.open.pop((rule, patient))
            self.open.setdefault(
                (rule, merged[patient]), tuple(replace(one, patient=merged[patient]) for one in before)
            )
        for key in [key for key in self.away if key[1] not in merged]:  # and is back where the merge was none
            self.open.setdefault(key, self.away.pop(key))
        patients = unit.patients(at)
        for rule, judge in ((NO_FOLLOW_UP, _no_follow_up), (BAL, _bal)):
            for patient in {*patients, *(who for what, who in self.open if what == rule)}:
                key = (rule, patient)
                said, rests_on = judge(unit, patient, current, at, policy)
                is_let_go = (
                    rule == NO_FOLLOW_UP and patient in left
                )  # a discharge ends what asks for a sample, and nothing else
                if is_let_go or patient in merged or patient not in patients or said == CLEAR:
                    self.open.pop(key, None)
                elif said == ALERT:
                    self.open[key] = rests_on
                elif key in self.open and _is_gone(rule, self.open[key], patient, current):
                    del self.open[key]
        return set(self.open)


def _no_follow_up(unit: Unit, patient: str, current: dict[str, Result], at: datetime, policy: Policy) -> Said:
    """BAL is stated as affected in every stay: where it is not sampled, blood beside it makes the alert one for information."""
    blood, lung = (_last(current, patient, specimen) for specimen in ("plasma", "bal"))
    treatment = unit.treatment(patient, at)
    has_blood, has_lung = (
        last is not None and at - last.collected <= timedelta(days=policy.overdue_after_days) for last in (blood, lung)
    )
    if has_lung and (has_blood or treatment == ON):
        return CLEAR, ()
    if treatment == UNKNOWN:
        return CANNOT_TELL, ()
    started = unit.course_started(patient, at)
    is_early = started is not None and at - started < EARLY
    rests_on = tuple(last for last in (blood, lung) if last is not None)
    return (ALERT, rests_on) if treatment == ON and not is_early else (CLEAR, ())


def _bal(unit: Unit, patient: str, current: dict[str, Result], at: datetime, policy: Policy) -> Said:
    last, treatment = _last(current, patient, "bal"), unit.treatment(patient, at)
    is_recent = last is not None and at - last.collected <= timedelta(days=policy.bal_within_days)
    is_load = last is not None and last.value.isdigit()
    if treatment == ON or (is_recent and not is_load):
        return CLEAR, ()
    return (ALERT, (last,)) if last is not None and is_recent and treatment == OFF else (CANNOT_TELL, ())


def _last(current: dict[str, Result], patient: str, specimen: str) -> Result | None:
    mine = [one for one in current.values() if (one.patient, one.specimen) == (patient, specimen)]
    return max(mine, key=lambda one: one.collected) if mine else None


def _is_gone(rule: str, rested: tuple[Result, ...], patient: str, current: dict[str, Result]) -> bool:
    """Whether an alert that nothing can be said of any more has lost its facts: its result, or every BAL of the patient."""
    if rule == BAL and _last(current, patient, "bal") is None:
        return True
    now = [(one, current.get(one.accession)) for one in rested]
    return any(
        new is None or (new.patient, new.value, new.collected) != (old.patient, old.value, old.collected)
        for old, new in now
    )
