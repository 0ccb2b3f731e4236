"""Whether a patient gets a drug that treats CMV, whatever it is given for, or got one lately: as the rules about counts ask it."""

from cmvmon.facts import treatment
from cmvmon.facts.conditions import fact, number

prophylactic, others, lately = (fact(f"{name}_drugs") for name in ("prophylactic", "other", "lately"))
after = number("after_last_dose_days")
is_lately = lately.is_known() & (fact("as_of") - fact("lately_until_at") <= after.days)
is_exposed = treatment.is_on | prophylactic.is_known() | others.is_known() | is_lately
is_told_as_treatment = treatment.is_on | (~treatment.is_off & ~is_exposed)
