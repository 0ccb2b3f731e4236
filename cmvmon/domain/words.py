"""The closed vocabularies: every word that a column may hold, with what it means."""

from __future__ import annotations

NOT_DETECTED = "not_detected"
BELOW_LLOQ = "below_lloq"
QUANTIFIED = "quantified"
ABOVE_ULOQ = "above_uloq"
DETECTION = (NOT_DETECTED, BELOW_LLOQ, QUANTIFIED, ABOVE_ULOQ)

PRELIMINARY = "preliminary"
FINAL = "final"
CORRECTED = "corrected"
WITHDRAWN = "withdrawn"
RESULT_STATUS = (PRELIMINARY, FINAL, CORRECTED, WITHDRAWN)  # in the order in which one supersedes the other
CHANGES_A_RESULT = (CORRECTED, WITHDRAWN)
MOVED = "moved"  # on a page only: a result that a correction has given to another patient

PROPHYLAXIS = "prophylaxis"
INDICATION = ("treatment", PROPHYLAXIS, "other")

# Why a course was stopped, as its sender states it. At a switch it is the reason of the switch; `switched` is one for none of
# these. `not_listed` stands for a reason that was delivered in another word, which is not kept.
COMPLETED, FAILURE, TOXICITY, SWITCHED = "completed", "failure", "toxicity", "switched"
LIMITATION, TRANSFER, DEATH, OTHER_REASON = "limitation", "transfer", "death", "other"
STOP_STATED = (COMPLETED, FAILURE, TOXICITY, SWITCHED, LIMITATION, TRANSFER, DEATH, OTHER_REASON)
NOT_LISTED = "not_listed"
STOP_REASON = (*STOP_STATED, NOT_LISTED)

INVASIVE, TRACHEOSTOMY, NON_INVASIVE, TRACHEOSTOMY_MASK = VENTILATION_KIND = (
    "invasive",
    "tracheostomy",
    "non_invasive",
    "tracheostomy_mask",
)

ALERT = "alert"
CLEAR = "clear"
NOT_ASSESSABLE = "not_assessable"
VERDICT = (ALERT, CLEAR, NOT_ASSESSABLE)

INDETERMINATE = "indeterminate"
CALL = ("met", "not_met", INDETERMINATE)
METHOD = ("line", "bank")

# kinetics.md section 4: the status of a week, the first that applies.
STATUS = (
    "invalid_input",
    "no_baseline",
    "interrupted",
    "new_segment",
    "prior_only",
    "all_censored",
    "no_new_result",
    "suppressed",
    "baseline_near_lloq",
    "baseline_above_uloq",
    "too_close",
    "ok",
)

TIERS = (1, 2, 3)
ALERT_STATE = ("open", "resolved", "closed")
# How an open alert stands: told to nobody yet, told, looked at, answered for good, or set aside until a moment.
NEW, NOTIFIED, SEEN, ACKNOWLEDGED, SNOOZED = "new", "notified", "seen", "acknowledged", "snoozed"
ALERT_STANDING = (NEW, NOTIFIED, SEEN, ACKNOWLEDGED, SNOOZED)
# What befell a result under an alert after its words were said, the gravest first.
FACTS_WITHDRAWN = "facts_withdrawn"
FACTS_MOVED = "facts_moved"
FACTS_IN_DOUBT = "facts_in_doubt"
FACTS_CORRECTED = "facts_corrected"
FACTS_CHANGED = (FACTS_WITHDRAWN, FACTS_MOVED, FACTS_IN_DOUBT, FACTS_CORRECTED)
LABORATORY_IN_DOUBT = "laboratory_in_doubt"  # it is one of many of its laboratory that moved together
RESULTS_CONFIRMED = "results_confirmed"  # the coded reason of an answer: the laboratory says that they are right
LABORATORY_CONFIRMED = "laboratory_confirmed"  # so that the alert about its being in doubt has ended
POLICY_CHANGED = "policy_changed"  # judged under another policy than its words were said under
STAY_ENDED = "stay_ended"  # the patient has left, and nothing of the alert waits for an answer
DIED = "died"
COURSE_OVER = "course_over"
# Its subject no longer is judged: by what befell its series or the treatment, else by what the rule says of it.
NOT_HERE, DRUG_STOPPED, MOMENT_OVER, RESULT_OLD = "other_compartment", "drug_stopped", "moment_over", "result_old"
NEWER_SERIES = "newer_series"
UNJUDGED = (
    "no_longer_known",
    "no_series",
    NEWER_SERIES,
    COURSE_OVER,
    "treatment_began",
    NOT_HERE,
    DRUG_STOPPED,
    MOMENT_OVER,
    RESULT_OLD,
    "no_report",
)
MERGED = "merged"  # an alert of a number that was merged into another: it is judged under that one
# Why an answer no longer holds, beside what befell a result under it.
WORSE, OTHER_GROUND, NEW_RESULT, SNOOZE_OVER, BY_PERSON = (
    "worse",
    "other_ground",
    "new_result",
    "snooze_over",
    "by_person",
)
ANSWER_ENDED = (WORSE, OTHER_GROUND, NEW_RESULT, SNOOZE_OVER, BY_PERSON)
# Why a closed alert goes on: what had ended it began again soon after.
TREATED_AGAIN, READMITTED, DEATH_TAKEN_BACK = "treated_again", "readmitted", "death_taken_back"
MERGE_UNDONE = "merge_undone"
WENT_ON = (TREATED_AGAIN, READMITTED, DEATH_TAKEN_BACK, MERGE_UNDONE)
TAKEN_OVER = "taken_over"  # it stood under a number that was merged into this one, and nobody had acknowledged it
# What an alert began with, or anew, that stands until somebody has acknowledged it, whatever time does.
STANDS_AGAIN = (DEATH_TAKEN_BACK, MERGE_UNDONE, TAKEN_OVER)
RULE_DISABLED = "rule_disabled"  # the site switched its rule off
# What takes the ground from under an alert, so that it ends for whoever has left too.
TAKES_THE_GROUND = (
    MERGED,
    *FACTS_CHANGED,
    LABORATORY_IN_DOUBT,
    POLICY_CHANGED,
    RULE_DISABLED,
    "no_longer_known",
    "no_series",
    "no_report",
)
ALERT_CAUSE = (
    MERGED,
    *FACTS_CHANGED,
    LABORATORY_IN_DOUBT,
    LABORATORY_CONFIRMED,
    POLICY_CHANGED,
    RULE_DISABLED,
    STAY_ENDED,
    DIED,
    *UNJUDGED,
    *ANSWER_ENDED,
    *WENT_ON,
    TAKEN_OVER,
)

TREATMENT_ON = "on"
TREATMENT_OFF = "off"
TREATMENT_UNKNOWN = "unknown"
TREATMENT = (TREATMENT_ON, TREATMENT_OFF, TREATMENT_UNKNOWN)

# How the compartments that a course is judged by came to be known (rules.md section 1).
# `stands_in`: blood, for a stated or inferred compartment without a new result, where blood was shown to follow it.
STATED, INFERRED, FOLLOWED, STANDS_IN = "stated", "inferred", "followed", "stands_in"
LEADS_AS = (STATED, INFERRED, FOLLOWED)
AFFECTED_SOURCE = (*LEADS_AS, STANDS_IN)
TOO_EARLY = "too_early"  # a verdict's reason where nothing is missing: its rule speaks from a later day on

BASELINE = "baseline"
FALL_FROM = (BASELINE, STANDS_IN)  # what a fall is held against: see `facts/falls.py`
STATED_NONE = "none"

# Does blood follow another compartment? For one patient, or for the unit as a whole.
CONCORDANCE_SCOPE = ("patient", "unit")
FOLLOWS = "plasma_follows"
FOLLOWS_NOT = "plasma_does_not_follow"
TOO_FEW_PAIRS = "too_few_pairs"
CONCORDANCE_ANSWER = (FOLLOWS, FOLLOWS_NOT, TOO_FEW_PAIRS)
LAG_REASON = ("too_few_changes", "cannot_be_told")

OPERATIONS = "operations"  # the rule code of alerts about the work itself
