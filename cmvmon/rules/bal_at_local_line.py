"""A load in BAL in the last {within_days} days while no treatment drug runs.

Watches the latest BAL result of those days of an untreated patient, of each laboratory and assay in use. Of a patient stated
to have been immunocompetent, a load at or above the ward's local line of {local_line_iu_per_ml} IU/mL alerts; the line that was
reached counts until a load lies more than {watched.held_lower_airway_log10} log10 below it, for at most {watched.held_within_days}
days. Of one who is immunocompromised, or of whom nobody stated it, every quantified BAL (or one above range), and the sentence says
whether it stands at that line. A treatment drug counts when it was given with treatment intent in the last
{response_clock.interrupted_gap_h} hours; prophylaxis, letermovir and aciclovir do not count. Bronchial wash and tracheal aspirate
are not BAL and are not read here.

Beside it the published cut-offs of that host: solid organ transplantation {published_solid_organ_low_iu_per_ml} to
{published_solid_organ_high_iu_per_ml} IU/mL, stem cells {published_stem_cell_low_iu_per_ml} to {published_stem_cell_high_iu_per_ml},
immunosuppression {published_immunosuppression_iu_per_ml}; where nobody stated the host, all of them:
{published_least_iu_per_ml} to {published_most_iu_per_ml}. For chemotherapy and HIV none was found for BAL in IU/mL.

Clear when that BAL has no load that alerts, or when a treatment drug ran in those hours. Not assessable without a BAL in
those days, when its values conflict, or when it is unknown whether the patient is treated.

Why: guide G11 and G13. Not to be read as CMV pneumonia: published cut-offs run from about 100 to over 500,000 IU/mL, and
none was validated by histology in previously immunocompetent ICU patients.
"""

from cmvmon.facts import host, samples, treatment
from cmvmon.facts.conditions import Value, fact, number, otherwise, truth
from cmvmon.rules import held, newer_result
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say
from cmvmon.rules.sentences import HOST

collected_at = fact("latest_collected_at")
is_recent = fact("as_of") - collected_at <= number("within_days").days
is_stale_beside_newer = truth("is_older") & ~is_recent
is_readable = is_recent & ~truth("latest_is_conflicting")
line = number("local_line_iu_per_ml")
at_line = fact("latest_at_least_iu_per_ml") >= line
reached = at_line | (held.load >= line)
below_line = (fact("latest_at_most_iu_per_ml") < line) & ~reached
is_held = host.is_sound & reached & ~at_line
result = (collected_at, fact("latest_detection"), fact("latest_viral_load_iu_per_ml"), line)
has_organ, has_stem_cells = truth("has_solid_organ_transplant"), truth("has_stem_cell_transplant")
has_suppression = truth("has_immunosuppression")


def _published(*which: str) -> tuple[Value, ...]:
    """Published cut-offs of a host, as the protocol has them."""
    return tuple(number(f"published_{one}_iu_per_ml") for one in which)


RULE = Rule(
    code="bal_at_local_line",
    subject="series",
    expects=("bal",),
    applies=(fact("compartment") == "bal") & ~is_stale_beside_newer,
    fires={"load_untreated": is_readable & samples.latest_is_load & (reached | ~host.is_sound) & treatment.is_off},
    clears=(is_readable & (~samples.latest_is_load | (host.is_sound & below_line))) | treatment.is_on,
    open_while=newer_result.open_while(but=treatment.is_on),
    tier={2: otherwise},
    cannot_tell=(
        ("no_recent_bal", ~is_recent),
        ("conflicting_values", ~is_readable),
        ("treatment_unknown", otherwise),
    ),
    says=(
        say("at_line", *result, when=at_line),
        say("quantified", *result, when=~at_line),
        held.reached(is_held),
        *HOST,
        say("published_solid_organ", *_published("solid_organ_low", "solid_organ_high"), when=has_organ),
        say("published_stem_cell", *_published("stem_cell_low", "stem_cell_high"), when=has_stem_cells),
        say("published_immunosuppression", *_published("immunosuppression"), when=has_suppression),
        say("published_none", when=host.is_weak & ~has_organ & ~has_stem_cells & ~has_suppression),
        say("published_all", *_published("least", "most"), when=host.is_unknown),
        say("published_not_here", when=host.is_sound),
        say("treatment", fact("treatment"), number("response_clock.interrupted_gap_h")),
    ),
    rests_on=((("held_result_id", "latest_result_id"), is_held), (("latest_result_id",), otherwise)),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
