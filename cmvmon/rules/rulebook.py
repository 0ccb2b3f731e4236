"""The shape of a rule: named conditions over facts and numbers of the protocol.

What follows from it is derived and listed nowhere: the columns that it reads, the numbers that the protocol must hold, the
evidence of its verdicts. How rules are judged: `cmvmon.rules.judging`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cmvmon.domain import words
from cmvmon.domain.errors import ProgramError
from cmvmon.facts.conditions import PROTOCOL, Condition, Value, fact, otherwise, truth

VERDICT, GROUND = "verdict", "ground"  # columns `verdict.<code>` and `ground.<code>.<name>`: what rules before it said
ALL_GROUNDS = ("*",)  # in place of the names of every ground of a rule
_NO_LONGER = dict.fromkeys(("drug", "drug_pair", "analyte"), words.DRUG_STOPPED)  # it is judged while a drug runs
_NUMBER_IN_LEAFLET = re.compile(r"\{([a-z0-9_.]+)\}")


@dataclass(frozen=True)
class Say:
    """One sentence of an alert: its key in the words of the rule, the facts it tells, and when it is said."""

    key: str
    tells: tuple[Value, ...]
    when: Condition

    @property
    def told(self) -> frozenset[str]:
        """The columns that its words are made from."""
        return frozenset(column for value in self.tells for column in value.columns)


def say(key: str, *tells: Value, when: Condition = otherwise) -> Say:
    """A sentence `key`; its words (cmvmon/text/<language>/rules/) are filled from these facts and numbers."""
    return Say(key, tells, when)


def verdict_of(code: str) -> Value:
    """What another rule says of the patient: alert if of any subject, else not_assessable if of any, else clear.

    Null: it judged nothing of the patient.
    """
    return fact(f"{VERDICT}.{code}")


def alerts_by(code: str, ground: str) -> Condition:
    """Another rule alerts on a subject of the patient, and this ground is one of those."""
    return truth(f"{GROUND}.{code}.{ground}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that is watched.

    Attributes:
        code: its name in the protocol, in the verdicts and in the words.
        subject: the kind of subject that it judges; a fact table lists them.
        applies: of which subjects it says anything.
        fires: the grounds of an alert, by name; one is enough.
        clears: when it is known that there is nothing to alert. Both at once is an error.
        unless: what holds a fire back, by the reason that the verdict then carries, the first that holds.
        open_while: what keeps it from being clear, likewise by reason; where it tells a state, from telling that too. An alert
            stands.
        alerts_in_doubt: it alerts on results of a laboratory in doubt too. Else that reason of `open_while` makes it say neither.
        tier: of an alert, by the first condition that holds; the last is `otherwise`.
        cannot_tell: why it neither fires nor clears, as a code or as a fact that holds one, by the first condition that
            holds; the last is `otherwise`. The order is clinical.
        says: the sentences of its alert, in order.
        rests_on: facts that hold ids of results, or lists of them: the ones that the alert rests on; by condition, the first
            that holds.
        also_tells: facts that the evidence carries besides those that it reads.
        expects: compartments that it speaks of for every patient, with a series or without.
        inhibited_by: rules whose alert on the patient makes this one not assessable.
        no_longer: why an open alert is closed when it no longer applies to its subject, as a code of `words.UNJUDGED`, where
            neither results nor treatment explain it. None: what holds of its kind of subject.
        told_for: the number of its stanza that says for how many days it tells of a moment. Where time alone would end an alert
            of tier 1, it stands until somebody has acknowledged it, and so long after that.
        after_discharge: the grounds on which it alerts on whoever has left too: what they rest on still comes then.
        is_state: it tells a state and alerts on nobody: where it fires it is clear, with the grounds and sentences of the state.
        leaflet: what it watches, why, what it must not be read as, source; `{number}` stands for a number of the protocol.
    """

    code: str
    subject: str
    applies: Condition
    fires: Mapping[str, Condition]
    clears: Condition
    tier: Mapping[int, Condition]
    cannot_tell: tuple[tuple[str | Value, Condition], ...]
    says: tuple[Say, ...]
    leaflet: str
    unless: Mapping[str, Condition] = field(default_factory=dict)
    open_while: Mapping[str, Condition] = field(default_factory=dict)
    rests_on: tuple[tuple[tuple[str, ...], Condition], ...] = ()
    also_tells: tuple[Value, ...] = ()
    expects: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    no_longer: str | None = None
    told_for: str | None = None
    after_discharge: tuple[str, ...] = ()
    is_state: bool = False
    alerts_in_doubt: bool = False

    def __post_init__(self) -> None:
        if not self.fires:
            raise ProgramError(f"the rule {self.code} has no ground that fires it")
        if self.is_state and self.tier:
            raise ProgramError(f"the rule {self.code} tells a state, which has no tier")
        if self.after_discharge == ALL_GROUNDS:
            object.__setattr__(self, "after_discharge", tuple(self.fires))
        if unknown := sorted(set(self.after_discharge) - set(self.fires)):
            raise ProgramError(
                f"the rule {self.code} has no ground {', '.join(unknown)} that it may alert on after a discharge"
            )
        ends = {"cannot_tell": self.cannot_tell[-1][1]} | ({} if self.is_state else {"tier": [*self.tier.values()][-1]})
        for name, last in ends.items():
            if last is not otherwise:
                raise ProgramError(f"the rule {self.code}: the last condition of {name} must be `otherwise`")

    @property
    def closes_by(self) -> str:
        """Why an open alert is closed when it no longer applies, as a code."""
        return self.no_longer or _NO_LONGER.get(self.subject, words.NOT_HERE)

    @property
    def ends_with_treatment(self) -> bool:
        """Whether the begin or the end of treatment may be why it no longer applies."""
        return self.no_longer is None or "treatment" in self.applies.columns

    @cached_property
    def inhibitors(self) -> Mapping[str, Condition]:
        """The reasons why it is not judged at all, each with its condition."""
        by_rules = {f"inhibited_by_{code}": verdict_of(code) == words.ALERT for code in self.inhibited_by}
        doubted = self.open_while.get(words.LABORATORY_IN_DOUBT)
        if doubted is None or self.alerts_in_doubt:
            return by_rules
        return {words.LABORATORY_IN_DOUBT: doubted} | by_rules

    def conditions(self) -> Iterator[Condition]:
        """Every condition that decides: verdict, tier, reason, or whether a sentence is said."""
        yield self.applies
        yield from self.inhibitors.values()
        yield from self.fires.values()
        yield from self.unless.values()
        yield from self.open_while.values()
        yield self.clears
        yield from self.tier.values()
        yield from (condition for _, condition in self.cannot_tell)
        yield from (sentence.when for sentence in self.says)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every column that decides or is told: facts, parts of the key, `protocol.*`, `verdict.*`."""
        values = [value for sentence in self.says for value in sentence.tells]
        values += [code for code, _ in self.cannot_tell if isinstance(code, Value)]
        values += self.also_tells
        asked: list[Condition | Value] = [*self.conditions(), *values]
        return frozenset(column for part in asked for column in part.columns)

    @cached_property
    def result_columns(self) -> frozenset[str]:
        """The facts that hold the ids of the results that it rests on."""
        columns = {column for condition in self.rests_on for column in condition[1].columns}
        return frozenset(columns.union(*(names for names, _ in self.rests_on)))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Every number that it reads, or that its leaflet names."""
        read = {name.removeprefix(PROTOCOL) for name in self.reads if name.startswith(PROTOCOL)}
        return frozenset(read | set(_NUMBER_IN_LEAFLET.findall(self.leaflet)))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The numbers that its own stanza of the protocol must hold."""
        return frozenset(name for name in self.numbers if "." not in name)

    @cached_property
    def follows(self) -> frozenset[str]:
        """The rules whose verdicts it reads."""
        said = (VERDICT, GROUND)
        read = {parts[1] for name in self.reads if len(parts := name.split(".")) > 1 and parts[0] in said}
        return frozenset(read)
