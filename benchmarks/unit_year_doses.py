"""How the made-up unit of `benchmarks.unit_year` doses one patient, and when that is off the label; nothing of cmvmon is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# From which clearance, mg/kg, hours between doses: the label of ganciclovir by mL/min, and of foscarnet by mL/min/kg.
GANCICLOVIR = ((70.0, 5.0, 12.0), (50.0, 2.5, 12.0), (25.0, 2.5, 24.0), (10.0, 1.25, 24.0), (0.0, 1.25, 56.0))
FOSCARNET = (
    (1.4, 90.0, 12.0),
    (1.0, 70.0, 12.0),
    (0.8, 50.0, 12.0),
    (0.6, 80.0, 24.0),
    (0.5, 60.0, 24.0),
    (0.0, 50.0, 24.0),
)
ON_CVVHDF = (2.5, 24.0)
MOST_APART = 1.3  # a dose per day further than so from the label's is too low, or too high
LEAST_DAYS = 2.0  # for so long, before it is an event
TOO_LOW, TOO_HIGH = "dose below the label", "dose above the label"


@dataclass(frozen=True)
class DoseEvent:
    """A time in which the dose truly given per day was off the label's, for LEAST_DAYS at least. Days count from DAY_0."""

    patient_id: str
    kind: str
    begins: float
    ends: float


@dataclass(frozen=True)
class Kidney:
    """The clearance of each morning, and the weight that it is dosed by."""

    weight_kg: float
    days: tuple[float, ...]
    ml_per_min: tuple[float, ...]

    def at(self, day: float) -> float:
        """The newest by then; of a time before the first, the first."""
        known = [value for when, value in zip(self.days, self.ml_per_min, strict=True) if when <= day]
        return known[-1] if known else self.ml_per_min[0]


@dataclass(frozen=True)
class Dose:
    """One dose, given or missed; `times_the_label`: per day, against the label's of that moment."""

    drug: str
    day: float
    mg_per_kg: float
    every_h: float
    times_the_label: float


@dataclass(frozen=True)
class Plan:
    """How the ward doses one patient."""

    kidney: Kidney
    replaced: tuple[float, float]
    is_adapted: bool
    is_halved: bool
    anchor: float

    def doses(self, drug: str, begins: float, ends: float) -> Iterator[Dose]:
        """Every dose that is due from `begins` on, before `ends`."""
        day, first = begins, self._label(drug, begins)
        while day < ends:
            label = self._label(drug, day)
            mg_per_kg, every_h = label if self.is_adapted else first
            if self.is_halved and 3.0 <= day - self.anchor < 9.0:
                mg_per_kg /= 2.0
            yield Dose(drug, day, mg_per_kg, every_h, (mg_per_kg / every_h) / (label[0] / label[1]))
            day += every_h / 24.0

    def _label(self, drug: str, day: float) -> tuple[float, float]:
        value = self.kidney.at(day)
        if drug == "ganciclovir" and self.replaced[0] <= day < self.replaced[1]:
            return ON_CVVHDF
        if drug == "foscarnet":
            return next((dose, hours) for least, dose, hours in FOSCARNET if value / self.kidney.weight_kg > least)
        return next((dose, hours) for least, dose, hours in GANCICLOVIR if value >= least)


def off_the_label(who: str, given: list[Dose], stops: float) -> Iterator[DoseEvent]:
    """Runs of doses on one side of the label's, long enough to be an event."""
    kinds = [
        TOO_LOW if one.times_the_label < 1.0 / MOST_APART else TOO_HIGH if one.times_the_label > MOST_APART else None
        for one in given
    ]
    first = 0
    for place in range(1, len(given) + 1):
        if place < len(given) and kinds[place] == kinds[first]:
            continue
        kind, begins, ends = (
            kinds[first],
            given[first].day,
            min(stops, given[place - 1].day + given[place - 1].every_h / 24.0),
        )
        if kind is not None and ends - begins >= LEAST_DAYS:
            yield DoseEvent(who, kind, begins, ends)
        first = place
