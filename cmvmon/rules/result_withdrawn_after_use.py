"""A result that stood here was withdrawn by the laboratory, or turned out to be of another patient.

Watches results of blood, BAL, CSF and vitreous fluid that were taken back in the last {within_days} days, on and off treatment.
An alert stands until somebody has acknowledged it, and for {within_days} days after that: time alone ends none.

Alerts where the result had stood here for {in_use_h} hours or longer, so that whoever looked at the pages has seen it, and where
somebody had answered for it, however short it stood.
What rested on it is judged again without it; this alert tells the people who had it in mind. Each result is told once, with its
compartment and day. Its value is told nowhere: it is no value of this patient.

Clear where it stood for a shorter time, stands again, or came back under another number with the same value. Not assessable where
neither receipt nor report time says how long it stood.

Why: rules.md section 5. Not to be read as a word on who was at fault, nor on what was decided on it, which is not known here.
"""

from cmvmon.domain import words
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

how, taken_back_at, since = fact("taken_back_how"), fact("taken_back_at"), fact("in_use_since")
sample = (fact("taken_back_compartment"), fact("taken_back_collected_at"))
is_recent = fact("as_of") - taken_back_at <= number("within_days").days
was_answered = truth("was_answered_for")
was_used = (taken_back_at - since >= number("in_use_h").hours) | was_answered
is_told = since.is_known() & taken_back_at.is_known()
is_back = truth("stands_again") | truth("is_reissued")
fires = was_used & ~is_back
has_another = truth("has_another_result")

RULE = Rule(
    code="result_withdrawn_after_use",
    subject="sample",
    applies=is_recent | is_back | ~is_told,
    fires={words.WITHDRAWN: fires & (how == words.WITHDRAWN), words.MOVED: fires & (how == words.MOVED)},
    clears=is_back | (is_told & ~was_used),
    tier={1: otherwise},
    cannot_tell=(("time_in_use_unknown", otherwise),),
    says=(
        say(words.WITHDRAWN, *sample, taken_back_at, when=how == words.WITHDRAWN),
        say(words.MOVED, *sample, taken_back_at, when=how == words.MOVED),
        say("stood", since),
        say("answered", when=was_answered),
        say("another", when=has_another),
        say("no_other", when=~has_another),
    ),
    no_longer=words.MOMENT_OVER,
    told_for="within_days",
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
