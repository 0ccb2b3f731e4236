"""The compartments that a viral load can be measured in, each with the specimen codes that public sources show.

To add one: one entry here, its words in `cmvmon/text/`, and a spec example. Codes: SNOMED CT specimen concepts and HL7
v2 table 0487 codes seen in public value sets (HL7-EU, eHDSI, CH-ELM, ReportStream). A code that nobody has seen in a
source is not listed: a laboratory's own file maps what the laboratory sends.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Compartment:
    """One kind of specimen.

    `matrix` is `blood`, `lower_respiratory` or `other`: it says which default noise and prior the protocol offers, and
    which compartments count as a blood result. Nothing is ever compared across compartments because they share one.
    """

    name: str
    matrix: str
    snomed: tuple[str, ...] = ()
    description: str = ""


COMPARTMENTS: tuple[Compartment, ...] = (
    Compartment("plasma", "blood", ("119361006",), "blood plasma"),
    Compartment(
        "whole_blood", "blood", ("258580003", "119297000", "122555007", "122552005", "122554006"), "whole blood"
    ),
    Compartment("serum", "blood", ("119364003",), "blood serum"),
    Compartment("bal", "lower_respiratory", ("258607008",), "bronchoalveolar lavage fluid"),
    Compartment("bronchial_wash", "lower_respiratory", ("258446004",), "bronchial wash fluid"),
    Compartment("tracheal_aspirate", "lower_respiratory", ("119336008",), "tracheal aspirate"),
    Compartment("csf", "other", ("258450006",), "cerebrospinal fluid"),
    Compartment("urine", "other", ("122575003",), "urine"),
    Compartment("saliva", "other", ("119342007",), "saliva"),
    Compartment("stool", "other", ("119339001",), "stool"),
    Compartment("tissue", "other", ("119376003",), "tissue"),
    Compartment("vitreous", "other", (), "vitreous fluid of the eye"),
    Compartment("amniotic_fluid", "other", ("119373006",), "amniotic fluid"),
)

NAMES: tuple[str, ...] = tuple(compartment.name for compartment in COMPARTMENTS)
BLOOD: tuple[str, ...] = tuple(c.name for c in COMPARTMENTS if c.matrix == "blood")
LOWER_RESPIRATORY: tuple[str, ...] = tuple(c.name for c in COMPARTMENTS if c.matrix == "lower_respiratory")
# A load here is watched whatever is stated as affected: on and off treatment (rules.md section 3.0).
WATCHED: tuple[str, ...] = (*BLOOD, "bal", "csf", "vitreous")


def by_specimen_code() -> dict[str, str]:
    """Compartment name by SNOMED CT specimen code. A code stands under one compartment only."""
    return {code: compartment.name for compartment in COMPARTMENTS for code in compartment.snomed}
