"""docs/guide.md: every statement of the ward's guide, with the rules, numbers, columns and pages that apply it. Made, never by hand.

Rules and stanzas are found by the `guide` that the protocol gives them; columns and pages are named here and held to what exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cmvmon.domain.tables import BY_NAME
from cmvmon.facts import all_fact_tables
from cmvmon.protocol import Protocol
from cmvmon.protocol.stanza import declared_fields
from cmvmon.shell.folder.protocol_files import Protocol as Shipped

ROOT = Path(__file__).resolve().parents[2]

STATEMENTS = {
    "G1": "CMV is a DNA virus of body fluids; about half of people carry it for life, and it comes back when immunity changes.",
    "G2": "Three settings: in the womb, latent, and transplantation, chemotherapy, immunosuppression or AIDS; a viral syndrome is told "
    "from disease of an organ.",
    "G3": "A first infection is mostly mild; in newborns mortality is very high.",
    "G4": "Reactivation can damage lung, gut, liver, eye, brain and marrow; which of these comes first differs by host.",
    "G5": "On the ICU it is frequent: 30 to 40 % of patients, those with sound immunity before among them.",
    "G6": "Bystander or cause: in animals a cause; in people it goes with ventilation, length of stay and mortality.",
    "G7": "Trial of prophylaxis in sepsis, trauma and ARDS: less reactivation, no more side effects, clinical outcome not measured.",
    "G8": "Trial of prophylaxis in ventilated carriers: less reactivation, stopped early for mortality, 41 against 14 %.",
    "G9": "Trial of treatment at reactivation in blood: no difference in mortality or ventilation, stopped for futility.",
    "G10": "A negative plasma PCR does not exclude disease of an organ.",
    "G11": "BAL scatters much; 10,000 IU/mL by consensus; a negative PCR: no CMV pneumonia.",
    "G12": "Weakened defence: PCR of blood, and of the affected compartment.",
    "G13": "COVID without improvement around day 7: BAL with PCR; the line is 10,000.",
    "G14": "Ganciclovir 5 mg/kg twice daily first; foscarnet 60 mg/kg three times daily where the virus may not react to it.",
    "G15": "Culture with drug (two weeks), and the UL97 gene by PCR.",
    "G16": "First (val)ganciclovir, second foscarnet, third cidofovir; letermovir is prophylaxis with a low genetic barrier.",
    "G17": "Drug levels, for low levels and what under-treatment leads to.",
    "G18": "In principle treatment until off the ventilator, and at least three weeks.",
    "G19": "Preferably by the load in the affected compartment: a fall of more than 1 log10 per week.",
    "G20": "Possibly by plasma, where correlation is plausible or shown.",
}

# What is not built yet, and what is missing for it. A statement that something applies may not stand here.
NOT_BUILT: dict[str, str] = {}


# What something applies in part: the part that is missing.
IN_PART = {
    "G1": "serostatus is told beside a load; a first infection and a reactivation are not told apart by a rule",
    "G3": "a context line, no rule: nothing here was made for newborns",
    "G4": "which organ comes first is a context line, by host; no sign of an organ is an input but what the team states",
    "G6": "outcomes (mortality, ventilator-free days) are no input",
    "G12": "signs of an organ are those that the team states; none is found by itself",
    "G17": "levels of foscarnet have no target, and no exposure over the day is computed",
}


@dataclass(frozen=True)
class Applies:
    """One thing that applies a statement: a column of a table, or words of a page."""

    table: str = ""
    column: str = ""
    page: str = ""
    words: str = ""

    def exists(self) -> bool:
        if self.page:
            return self.words in (ROOT / self.page).read_text(encoding="utf-8")
        facts = {name: table.rows for name, table in all_fact_tables().items()}
        rows = BY_NAME.get(self.table) or facts.get(self.table)
        return rows is not None and self.column in rows.schema

    def __str__(self) -> str:
        if self.page:
            return f"[{self.words}]({self.page.removeprefix('docs/')})"
        return f"column `{self.table}.{self.column}`"


APPLIED_BY: dict[str, tuple[Applies, ...]] = {
    "G1": (Applies("cmv_serology", "serology_result"), Applies("context", "serostatus")),
    "G3": (Applies("birth_dates", "born_on"), Applies("context", "age_days")),
    "G5": (
        Applies(page="docs/method.md", words="How often, and what of it"),
        Applies(page="docs/site_pages.md", words="CMV in blood since ventilation began"),
    ),
    "G6": (Applies(page="docs/method.md", words="association is not cause"),),
    "G2": (
        Applies("host_status", "condition"),
        Applies("host", "is_immunocompromised"),
        Applies("serostatus", "is_donor_positive_recipient_negative"),
        Applies("co_medication", "dose_mg"),
    ),
    "G4": (
        Applies("context", "has_hiv"),
        Applies("viral_load_results", "compartment"),
        Applies("icu_stays", "affected_compartments"),
        Applies("hsv_results", "pcr_result"),
    ),
    "G7": (Applies(page="docs/method.md", words="GRAIL"),),
    "G8": (Applies(page="docs/method.md", words="CCPIS"),),
    "G9": (Applies(page="docs/method.md", words="Papazian 2021"),),
    "G10": (Applies("concordance", "answer"),),
    "G14": (Applies("antiviral_courses", "dose_mg_per_kg"), Applies(page="docs/method.md", words="order of choice")),
    "G15": (Applies("resistance_reports", "gene"), Applies("mutations", "ganciclovir_grade")),
    "G12": (Applies("samples_ordered", "state"), Applies("sampling", "organ_taken_at")),
    "G13": (
        Applies("oxygenation", "pao2_fio2_ratio"),
        Applies("ventilation", "pao2_fio2_change_percent"),
        Applies("icu_stays", "ventilation_kind"),
    ),
    "G16": (
        Applies("co_medication", "atc_code"),
        Applies("laboratory_values", "analyte"),
        Applies(page="docs/method.md", words="order of choice"),
    ),
    "G17": (Applies("drug_levels", "level_value"), Applies("levels", "trough_from_mg_per_l")),
    "G18": (Applies("duration", "treated_days"), Applies("icu_stays", "ventilation_stopped_at")),
    "G19": (
        Applies("weekly_decline", "decline_log10_per_week"),
        Applies(page="docs/method.md", words="How the decline is estimated"),
    ),
    "G20": (Applies("concordance", "followed_compartment"),),
}

_HEAD = """# The ward's guide, statement by statement

<!-- Generated by `make generate` from the protocol file and tests/docs/guide_page.py. Do not edit. -->

The guide is a Dutch presentation for the ICU (2021, last updated 2024-02-16). Each statement is told here in our own words, with
what applies it. A rule quotes the statements that it applies beside its alert; nothing here is advice, and where literature reads otherwise the
rule's leaflet ([rules.md](rules.md)) and the method page say so.
"""


def rules_of(statement: str, protocol: Protocol) -> tuple[str, ...]:
    """The rules whose stanza names the statement."""
    return tuple(code for code, stanza in sorted(protocol.rules.items()) if statement in stanza.provenance.guide)


def stanzas_of(statement: str, protocol: Protocol) -> tuple[str, ...]:
    """The other stanzas of the protocol that name it."""
    return tuple(name for name, guide in _stanzas(protocol) if statement in guide)


def _stanzas(protocol: Protocol) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part, said in declared_fields(Protocol):
        name, found = said.name or part.name, getattr(protocol, part.name)
        if said.kind is None and name != "rules":
            for key, one in found.items() if said.takes_rest else [("", found)]:
                yield f"{name}.{key}" if key else name, one.provenance.guide


def applied(statement: str, protocol: Protocol) -> tuple[str, ...]:
    """Everything that applies the statement, as the page says it."""
    return (
        *(f"rule [{code}](rules.md#{code})" for code in rules_of(statement, protocol)),
        *(f"numbers [{name}](protocol.md)" for name in stanzas_of(statement, protocol)),
        *(str(one) for one in APPLIED_BY.get(statement, ())),
    )


def guide_page() -> str:
    """The page's text."""
    protocol = Shipped.shipped()
    rows = [f"| {statement} | {says} | {_told(statement, protocol)} |" for statement, says in STATEMENTS.items()]
    return "\n".join([_HEAD, "| statement | says | applied by |", "|---|---|---|", *rows, ""])


def _told(statement: str, protocol: Protocol) -> str:
    if statement in NOT_BUILT:
        return f"not built yet: {NOT_BUILT[statement]}"
    missing = f" (in part: {IN_PART[statement]})" if statement in IN_PART else ""
    return "; ".join(applied(statement, protocol)) + missing
