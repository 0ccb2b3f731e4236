"""A CMV result of the patient came and could not be used.

Watches every patient who has a result, or of whom one waits in quarantine: its value, its unit or another part of it could not be
read. While it waits the rules about the load are not clear (`result_unread`), for it may be of the newest sample.

Alerts at Tier 2 when it came in the last {within_days} days. What it says is not known; where its compartment or the time of its
sample could not be read, no later sample ends the alert: blood says nothing of a fluid that nobody could read.

Clear when every result was read, rejected or dealt with, or a later sample of the same compartment was. Not assessable when it is not
known when it came: of what is loaded as history a record dates itself, and one that can't is told on the pages, not as an alert of
the patient. After {within_days} days nothing is told; the rules about the load stay as they are.

Why: rules.md section 5, a proposal of this project. Not to be read as a high load, nor as an error of the laboratory: what is lacking
may be a word in the laboratory's file here.
"""

from cmvmon.domain import words
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.newer_result import waits
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

newest, came, is_new = fact("newest_result_collected_at"), fact("unread_result_came_at"), truth("has_unread_news")
is_over = fact("as_of") - came > number("within_days").days

RULE = Rule(
    code="data_unfit",
    subject="patient",
    applies=(truth("patient_has_series") | waits) & ~(is_new & is_over),
    fires={"result_unread": is_new & came.is_known()},
    clears=~is_new,
    tier={2: otherwise},
    cannot_tell=(("time_unknown", otherwise),),
    says=(
        say("came", came),
        say("newest", newest, when=newest.is_known()),
        say("none", when=newest.is_unknown()),
        say("ask"),
        say("held"),
    ),
    no_longer=words.MOMENT_OVER,
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
