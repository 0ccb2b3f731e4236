"""What a patient's page shows beside the load: what is on record beside antiviral drugs, and what shares its axis of time."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from cmvmon.facts.alongside import DOSE_BANDS, KIDNEY_VALUES, LANES_UNKNOWN, LEVELS_TAKEN
from cmvmon.facts.beside import CIRCUITS, DRUGS, HERPES, VALUES


@dataclass(frozen=True)
class Beside:
    """What is on record beside antiviral drugs: the patient's rows of `cmvmon.facts.beside`."""

    values: pl.DataFrame = field(default_factory=VALUES.empty)
    drugs: pl.DataFrame = field(default_factory=DRUGS.empty)
    circuits: pl.DataFrame = field(default_factory=CIRCUITS.empty)
    herpes: pl.DataFrame = field(default_factory=HERPES.empty)


@dataclass(frozen=True)
class Alongside:
    """What the lanes beneath the panels show: the patient's rows of `cmvmon.facts.alongside`."""

    bands: pl.DataFrame = field(default_factory=DOSE_BANDS.empty)
    levels: pl.DataFrame = field(default_factory=LEVELS_TAKEN.empty)
    kidney: pl.DataFrame = field(default_factory=KIDNEY_VALUES.empty)
    unknown: pl.DataFrame = field(default_factory=LANES_UNKNOWN.empty)
