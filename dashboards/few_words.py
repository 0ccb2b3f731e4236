"""What a patient has and is given, in the few words of a table's row: a value with its age and direction, a drug with its day."""

from __future__ import annotations

from datetime import datetime, timedelta

from cmvmon.dashboards.moved import days_in_short, way_in_words
from cmvmon.dashboards.row_views import DrugsNow, LatestResult, RunningDrug
from cmvmon.dashboards.words_for_results import capital
from cmvmon.domain import words
from cmvmon.text import Language

_DAY = timedelta(days=1)


def treatment_day(since: datetime, as_of: datetime) -> int:
    """Which day of a drug it is: elapsed days, from 1, as `treatment_week` counts weeks."""
    return (as_of - since) // _DAY + 1


def drugs(now: DrugsNow, *, as_of: datetime, time_zone: str, language: Language) -> list[str]:
    """What runs, a line for each drug, then what stopped lately and what the protocol does not list; else why there is none. Unknown
    and none are told apart."""
    said = [running(each, as_of, language) for each in now.running] + beside(now, time_zone, language)
    if said:
        return said
    if now.treatment != words.TREATMENT_UNKNOWN:
        return [language.say("drug.none")]
    if not now.was_delivered:
        return [language.say("drug.never")]
    return [language.say("drug.silent" if now.known_at is not None else "drug.unclear")]


def running(each: RunningDrug, as_of: datetime, language: Language) -> str:
    """A drug that runs, with its day."""
    key = "drug.day_prophylaxis" if each.is_prophylaxis else "drug.day"
    return language.say(key, drug=each.drug, day=language.number(treatment_day(each.since, as_of), 0))


def beside(now: DrugsNow, time_zone: str, language: Language) -> list[str]:
    """What stopped lately, and what runs that the protocol does not list, with what that is given for where it is no treatment."""
    unlisted = (
        ", ".join((language.say("drug.unlisted", drug=each.drug), *given_for(each.indication, language)))
        for each in now.unlisted
    )
    return [*stopped(now, time_zone, language), *unlisted]


def given_for(indication: str | None, language: Language) -> list[str]:
    """What a drug is given for, in words; nothing where that is treatment."""
    if indication is None:
        return [language.say("figure.indication_unknown")]
    return [] if indication == "treatment" else [language.word("indication", indication)]


def stopped(now: DrugsNow, time_zone: str, language: Language) -> list[str]:
    """The drugs that don't run any more, each with the day of its stop."""
    return [
        language.say(
            "drug.stopped_prophylaxis" if each.is_prophylaxis else "drug.stopped",
            drug=each.drug,
            date=language.short_date(each.stopped_at, time_zone),
        )
        for each in now.stopped
    ]


def value(detection: str, load: float | None, limit: float | None, language: Language) -> str:
    """One result without its unit."""
    if detection == words.QUANTIFIED and load is not None:
        return language.load(load)
    if detection in (words.BELOW_LLOQ, words.ABOVE_ULOQ) and limit is not None:
        return language.say(f"row.{detection}", limit=language.load(limit))
    return language.word("detection", detection)


def latest(found: LatestResult, *, as_of: datetime, language: Language) -> dict[str, str]:
    """The newest result of a compartment: where, what it says, which way the load went and how old it is."""
    said = value(found.detection, found.viral_load_iu_per_ml, found.limit_iu_per_ml, language)
    way = way_in_words(found.way, found.collected_at - found.since, language) if found.since is not None else ""
    age = as_of - found.collected_at
    told = [language.say("row.age", days=days_in_short(age, language))]
    if not found.is_watched:
        told.append(language.say("row.unwatched"))
    where = capital(language.word("compartment", found.compartment))
    return {"where": where, "value": said, "way": way, "age": ", ".join(told)}
