"""Both languages have the same sentences, a word for every code, and no sentence that nothing says."""

from __future__ import annotations

import json
import re
import string
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from babel.dates import format_datetime

from cmvmon.dashboards.views import CAVEATS, WORK
from cmvmon.domain import compartments, host_status, waiting_policy, words
from cmvmon.domain.co_medication import KINDS, NOT_SYSTEMIC, ROUTES
from cmvmon.domain.columns import Kind
from cmvmon.domain.delivered import NAMES as DELIVERED
from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import CmvmonError, PolicyChanged, ProtocolUnusable
from cmvmon.domain.patient_links import NOT_USED
from cmvmon.domain.renal_replacement import ANTICOAGULANTS, MODALITIES
from cmvmon.facts import all_fact_tables
from cmvmon.facts.beside import OF_DEFENCE, WITH_FOSCARNET
from cmvmon.feeds.reasons import DELIVERY_REASONS
from cmvmon.kinetics.inputs.codes import REASONS
from cmvmon.rules import all_rules
from cmvmon.rules.evidence import types_of
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import (
    MissingWords,
    UnknownLanguage,
    alert_details,
    alert_sentence,
    alert_title,
    codes,
    language,
)
from cmvmon.text.alerts import read_by
from cmvmon.text.formats import format_of
from cmvmon.text.language import rule_files
from cmvmon.text.values import days_in_words, slope_sentence, value_in_words
from tests.pages import made_up
from tests.rules.reading import about, cases
from tests.rules.together import verdicts_alone

ROOT = Path(__file__).parents[2]

# Reasons that the rules themselves give; a week's status may stand as a reason too (the call was null because of it).
RULE_REASONS = {
    reason
    for rule in all_rules()
    for reason in (*(code for code, _ in rule.cannot_tell), *rule.unless, *rule.open_while, *rule.inhibitors)
    if isinstance(reason, str)
}

# The sentences of a rule that give its alert another title than `otherwise`, in the order in which they are asked for.
TITLES: dict[str, tuple[str, ...]] = {
    **{rule.code: () for rule in all_rules()},
    words.OPERATIONS: (),
    "drug_line": ("not_recommended", "contraindicated", "on_replacement", "creatinine_above", "check_missing"),
    "guide_duration": ("treated",),
    "guide_sampling_moment": ("organ", "blood_alone"),
    "interaction_note": ("nephrotoxic", "seizures", "antagonism"),
    "no_follow_up": ("line",),
    "rebound": ("line", "line_airway"),
    "recurrence": ("after_end",),
    "drug_level": ("still_below", "trough"),
    "exposure_high": ("was_above", "still_above", "trough"),
    "exposure_low": ("settled", "was_below"),
    "genotype_not_on_record": ("overdue", "ul97_alone", "ul54_alone"),
    "resistance_found": ("running", "effect_not_said"),
    "plasma_does_not_exclude": ("negative",),
    "possible_lab_issue": ("contradict",),
    "result_withdrawn_after_use": ("moved",),
    "response": ("refractory", "probable_refractory", "higher", "line_high"),
    "rise_on_prophylaxis": ("rise_from_limit", "rise"),
    "toxicity_monitoring": ("neutrophils", "platelets", "calcium", "calcium_none"),
    "untreated_rise": ("rise", "elsewhere", "tissue"),
}

# Vocabulary -> the codes that must have a word. A key under a vocabulary that is not here must be said by some code.
VOCABULARIES: dict[str, set[str]] = {
    "compartment": set(compartments.NAMES),
    "detection": set(words.DETECTION),
    "result_status": set(words.RESULT_STATUS),
    "indication": set(words.INDICATION),
    "verdict": set(words.VERDICT),
    "call": set(words.CALL),
    "status": set(words.STATUS),
    "reason": set(REASONS) | RULE_REASONS,
    "rule": {rule.code for rule in all_rules()} | {words.OPERATIONS},
    "title": {f"{rule}.{key}" for rule, told in TITLES.items() for key in (*told, "otherwise")},
    "way": {"falls", "rises", "within_noise"},
    "tier": {str(tier) for tier in words.TIERS},
    "alert_state": set(words.ALERT_STATE),
    "cause": set(words.ALERT_CAUSE),
    "cleared": {rule.code for rule in all_rules() if not rule.is_state},
    "treatment": set(words.TREATMENT),
    "affected_source": set(words.AFFECTED_SOURCE),
    "condition": {*host_status.IMMUNOCOMPROMISING, host_status.IMMUNOCOMPETENT},
    "table": {*DELIVERED, WHOLE_DELIVERY, "weekly_decline", "concordance", "next_sample", "verdicts", "protocol"},
    "operations": {
        *DELIVERY_REASONS,
        "contract_broken",
        "laboratory_file",
        "laboratory_in_doubt",
        PolicyChanged.code,
        ProtocolUnusable.code,
        *waiting_policy.STATES,
        "unreadable_file",
        "unknown_table",
        "not_in_a_table",
        "unknown_ending",
        "clock_in_doubt",
        "clock_behind",
        "night_missed",
        "night_stopped",
        "symbolic_link",
        "unreadable_folder",
        "unfinished",
        "still_growing",
        CmvmonError.code,
    },
    "link": set(NOT_USED),
    "ventilation": set(words.VENTILATION_KIND),
    "stop_reason": set(words.STOP_REASON),
    "analyte": {*WITH_FOSCARNET, *OF_DEFENCE},
    "modality": set(MODALITIES),
    "anticoagulant": set(ANTICOAGULANTS),
    "drug_kind": set(KINDS),
    "route": set(ROUTES) - set(NOT_SYSTEMIC),
    "guide": {code for stanza in Protocol.shipped().rules.values() for code in stanza.provenance.guide},
}
FORBIDDEN = {
    "nl": (
        "falen",
        "gefaald",
        "resisten",
        "stop met",
        "verhoog",
        "verlaag",
        "overweeg",
        "moet ",
        "verdacht",
        "verdenking",
        "vermoed",
    ),
    "en": (
        "failure",
        "failed",
        "resistan",
        "should",
        "must ",
        "consider",
        "increase the",
        "switch to",
        "suspect",
        "suspicion",
    ),
}
_BEGINS = {  # where an order begins: a sentence, a part of one, or after a word that joins two
    "en": r"(?:^|[.;:!?] |, | and | or | then )(?:please )?",
    "nl": r"(?:^|[.;:!?] |, | en | of | dan )",
}
_ORDERS = {
    "en": "start|stop|give|add|raise|lower|reduce|switch|change|repeat|order|begin|double|halve|withhold|hold|treat|continue|discontinue|"
    "use|take|prescribe|avoid|adjust|test|sample|increase|decrease|replace|send|resume|restart|monitor|check|ask|keep",
    "nl": "geef|staak|stop|start|verhoog|verlaag|halveer|verdubbel|wissel|herhaal|vraag|neem|behandel|voeg|vervang|hervat|vermijd|gebruik|"
    "pas|schrijf|bepaal|meet|controleer|bewaak|stuur|ga|zet|begin|doe|houd",
}
FORMS = {
    "en": (
        rf"{_BEGINS['en']}({_ORDERS['en']})\b",
        (
            r"\b(this is|has|have|suffers|proves?|caused by|due to|because of)\b[^.]{0,30}"
            r"\b(pneumonia|pneumonitis|colitis|retinitis|encephalitis|hepatitis|disease|resistance|toxicity)\b"
        ),
        r"\b(diagnos|does not work|is not working|ineffective)",
    ),
    "nl": (
        rf"{_BEGINS['nl']}({_ORDERS['nl']})\b",
        (
            r"\b(dit is|heeft|lijdt|bewijst|veroorzaakt door|door|vanwege)\b[^.]{0,30}"
            r"(pneumonie|colitis|retinitis|encefalitis|hepatitis|ziekte|resistentie|toxiciteit)\b"
        ),
        r"\b(diagnos|werkt niet|niet werkzaam|onwerkzaam)",
    ),
}
# What asks something of whoever keeps the data or the board, says what the software is not, or names a study or a label's own words.
ASKED_OF_STAFF = (
    "link.",
    "column.change",
    "decline.series",
    "footer.use",
    "board.says.unknown",
    "data.feeds.ahead",
    "data.feeds.differ",
    "data.two_beds",
    "method.",
    "strength.A",
    "status.prior_only",
    "context.letermovir_not_hsv",
)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_every_language_has_the_same_keys_and_the_same_placeholders() -> None:
    first = language(codes()[0]).sentences
    for code in codes()[1:]:
        other = language(code).sentences
        assert set(first) == set(other)
        assert {k for k in first if placeholders(first[k]) != placeholders(other[k])} == set()


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_code_of_a_vocabulary_has_its_word_and_no_other_word_stands_there(vocabulary: str, code: str) -> None:
    there = {key.removeprefix(f"{vocabulary}.") for key in language(code).sentences if key.startswith(f"{vocabulary}.")}
    assert there == VOCABULARIES[vocabulary]


def test_the_reasons_of_the_rules_were_found() -> None:
    assert {"treatment_unknown", "no_recent_bal", "fewer_than_two_results", "indeterminate"} <= RULE_REASONS


def test_every_sentence_is_said_somewhere() -> None:
    """Its key stands as it is in code or a template, or is built there from a prefix that ends in a value."""
    files = [
        path
        for folder in ("cmvmon", "dashboards")
        for pattern in ("*.py", "*.html")
        for path in (ROOT / folder).rglob(pattern)
        if "languages" not in path.parts
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(files))
    whole = set(re.findall(r"""["']([a-z_0-9]+(?:\.[a-z_0-9]+)*)["']""", text))
    built = set(re.findall(r"""f["']([a-z_.]+[._])\{""", text))
    keys = [key for key in language("nl").sentences if key.split(".")[0] not in VOCABULARIES]
    silent = [
        key
        for key in keys
        if key not in whole
        and re.sub(r"\.(one|other)$", "", key) not in whole
        and not any(key.startswith(prefix) for prefix in built)
    ]
    assert silent == []
    caveats = {key.split(".")[1] for key in keys if key.startswith("caveat.")}
    derived = {
        "conflicting_values",
        "preliminary",
        "treatment_unknown",
        "treatment_unknown_since",
        "courses_overlap",
        "dose_unit",
        "reason_without_stop",
        *(f"affected_{s}" for s in words.AFFECTED_SOURCE),
    }
    assert caveats == {*CAVEATS, *derived}


@pytest.mark.parametrize("code", codes())
def test_every_sentence_of_every_rule_has_its_words_made_from_exactly_what_the_rule_tells(code: str) -> None:
    spoken, said = language(code), {("operations", "stopped")}
    for rule in all_rules():
        for sentence in rule.says:
            assert read_by(rule.code, sentence.key, spoken) == sentence.told, (rule.code, sentence.key)
            said |= {(rule.code, sentence.key), ("shared", sentence.key)}
    there = {(rule, key) for rule, words in rule_files(code).items() for key in words["sentences"]}
    assert there <= said, "words that no rule says"


def test_a_number_is_written_by_its_unit() -> None:
    forms = {
        "IU/mL": "load",
        "days": "days",
        "as `dose_unit` says": "amount",
        "times as much drug": "short",
        "10^9/L": "short",
        "mg/L": "short",
        "mL/min": "short",
        "mmol/L": "amount",
        "mmHg": "whole",
        "%": "whole",
        "umol/L": "count",
        "mg/dL": "hundredths",
        "as `kidney_unit_now` says": "clearance",
    }
    columns = {column.name: column for table in all_fact_tables().values() for column in table.rows.columns}
    told = {name for rule in all_rules() for sentence in rule.says for name in sentence.told}
    assert len(told) > 30
    for name in sorted(told & columns.keys()):
        column = columns[name]
        if column.kind is Kind.MOMENT:
            assert format_of(name) == "date", name
        elif column.kind is Kind.INTEGER:
            assert format_of(name) == "count", name
        elif column.unit.startswith("log10"):
            assert format_of(name) == "log10", name
        elif column.unit in forms:
            assert format_of(name) == forms[column.unit], name
        elif column.kind is Kind.NUMBER:
            assert format_of(name) == "percent", name


def forbidden(sentence: str, code: str) -> bool:
    """Whether it orders, prescribes or diagnoses, or calls a drug failed; names of facts and stanzas in a placeholder are seen by nobody."""
    said = re.sub(r"\{[^}]*\}", "", sentence).lower()
    return any(word in said for word in FORBIDDEN[code]) or any(re.search(form, said) for form in FORMS[code])


@pytest.mark.parametrize("code", codes())
def test_no_sentence_prescribes_diagnoses_or_calls_a_drug_failed(code: str) -> None:
    found = {key for key, sentence in language(code).sentences.items() if forbidden(sentence, code)}
    assert {key for key in found if not key.startswith(ASKED_OF_STAFF)} == set()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("en", "Load {latest:result}. Start foscarnet and give 60 mg/kg."),
        ("en", "Load above the line; stop ganciclovir"),
        ("en", "Please repeat the PCR"),
        ("en", "Rise, and switch to foscarnet"),
        ("en", "This is CMV pneumonia."),
        ("en", "The patient has CMV colitis"),
        ("en", "The rise is due to resistance"),
        ("en", "Ganciclovir does not work"),
        ("en", "rebound suspected"),
        ("en", "Suspicion of CMV in the eye"),
        ("nl", "Load {latest:result}. Geef foscarnet en staak ganciclovir."),
        ("nl", "Stijging; herhaal de PCR"),
        ("nl", "Halveer de dosis"),
        ("nl", "Dit is een CMV-pneumonie"),
        ("nl", "De pati\u00ebnt heeft CMV-colitis"),
        ("nl", "Stijging door resistentie"),
        ("nl", "Het middel werkt niet"),
        ("nl", "verdenking op CMV in het oog"),
        ("nl", "vermoedelijk opnieuw stijgend"),
    ],
)
def test_an_order_and_a_diagnosis_are_found_in_whatever_words(code: str, sentence: str) -> None:
    assert forbidden(sentence, code)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("en", "Treatment started on {at}; stopped on {until}"),
        ("en", "No organ disease is stated"),
        ("nl", "Behandeling gestart op {at}, gestopt op {until}"),
        ("nl", "Geen orgaanziekte vastgelegd"),
    ],
)
def test_a_fact_is_no_order_and_no_diagnosis(code: str, sentence: str) -> None:
    assert not forbidden(sentence, code)


def test_the_feed_of_the_work_itself_has_one_name() -> None:
    from cmvmon.run.judging.assessing import ASSESSMENT_FEED

    assert ASSESSMENT_FEED == WORK


def test_numbers_dates_and_zones_are_written_as_each_language_writes_them() -> None:
    nl, en = language("nl"), language("en")
    moment = datetime(
        2026, 3, 28, 23, 30, tzinfo=UTC
    )  # 00:30 of the next day in Amsterdam, half an hour before its spring
    assert [nl.load(12400.0), en.load(12400.0), nl.load(34.5), en.load(1e7)] == [
        "12.400",
        "12,400",
        "34,5",
        "10,000,000",
    ]
    assert [nl.log10(0.84), en.log10(-0.25), en.log10(-0.04)] == ["0,8", "−0.3", "0.0"]
    assert [nl.percent(0.004), nl.percent(0.5), en.percent(0.9999)] == ["<1%", "50%", ">99%"]
    assert [nl.date(moment, "Europe/Amsterdam"), en.date(moment, "UTC")] == ["29-03-2026", "28 Mar 2026"]
    assert nl.moment(moment, "Europe/Amsterdam") == "29-03-2026 00:30"
    assert [nl.count("days", 1), nl.count("days", 7), en.count("results", 1)] == ["1 dag", "7 dagen", "1 result"]


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("time_zone", ["Europe/Amsterdam", "America/St_Johns", "Asia/Kathmandu", "UTC"])
def test_a_moment_is_written_as_babel_writes_it_through_days_of_summer_time_too(code: str, time_zone: str) -> None:
    spoken, zone = language(code), ZoneInfo(time_zone)
    first = datetime(2023, 12, 30, 21, 7, tzinfo=UTC)
    moments = [first + n * timedelta(hours=29, minutes=41) for n in range(330)]
    moments += [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in range(4)]
    for moment in [*moments, first.replace(tzinfo=None), first.astimezone(ZoneInfo("Pacific/Auckland"))]:
        for pattern, written in (
            (spoken.moment_pattern, spoken.moment),
            (spoken.date_pattern, spoken.date),
            (spoken.short_date_pattern, spoken.short_date),
        ):
            by_babel = format_datetime(moment, pattern, tzinfo=zone, locale=spoken.locale)
            assert written(moment, time_zone) == by_babel, (moment, pattern)


def test_a_decline_is_said_as_the_ward_reads_it_and_a_rise_is_called_a_rise() -> None:
    nl, en = language("nl"), language("en")
    sure = slope_sentence(0.8, 0.5, 1.1, 4, nl, interval=0.95)
    assert sure == "Daling 0,8 log10 per week (95%-BI 0,5 tot 1,1; 4 metingen)"
    rising = slope_sentence(-0.3, -0.6, -0.1, 1, en, interval=0.9)
    assert rising == "Rise 0.3 log10 per week (90% interval 0.1 to 0.6; 1 result)"


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("ends", [(0.1, -0.4, 0.6), (-0.1, -0.6, 0.4), (0.2, 0.0, 0.4), (-0.2, -0.4, 0.0)])
def test_where_the_interval_holds_no_change_neither_a_fall_nor_a_rise_is_said(
    code: str, ends: tuple[float, float, float]
) -> None:
    said = slope_sentence(*ends, 3, language(code), interval=0.95)
    assert not said.startswith(("Daling", "Stijging", "Decline", "Rise"))
    assert {"nl": "richting niet zeker", "en": "direction not certain"}[code] in said


def test_days_are_whole() -> None:
    nl, en = language("nl"), language("en")
    assert [days_in_words(d, nl) for d in (13.9, 1.4, 0.9, 0.2)] == ["14 dagen", "1 dag", "1 dag", "minder dan een dag"]
    assert days_in_words(12.4, en) == "12 days"


@pytest.mark.parametrize("code", codes())
def test_no_sentence_is_made_from_odds(code: str) -> None:
    told = re.compile(r"odds|keer (zo|meer) waarschijnlijk|times (as|more) probable")
    assert [key for key, sentence in language(code).sentences.items() if told.search(sentence.lower())] == []


@pytest.mark.parametrize("code", codes())
def test_no_sentence_holds_a_number_that_a_stanza_should_give(code: str) -> None:
    """A digit in a sentence is in a placeholder, or of the unit log10, 10^9/L or 1.73 m², or in the name of a gene, a disease, a cell or a gas,
    or the year of a publication after its first author's name."""
    names = r"log10|10\^9|1[.,]73 m²|UL97|UL54|COVID-19|PaO2/FiO2|CD4"
    bare = {
        key: re.sub(rf"\{{[^}}]*\}}|{names}|\b[A-Z][a-z]+ (?:19|20)\d\d\b", "", sentence)
        for key, sentence in language(code).sentences.items()
    }
    assert [key for key, sentence in bare.items() if re.search(r"\d", sentence)] == []


_SPANS = {  # a span of time whose number is written out: a number of the protocol, or the sentence says what a site may have changed
    "en": r"\b(one|two|three|four|five|six|seven|first)[ -](days?|weeks?|hours?)\b|\bwithin an? (day|week|hour)\b|\bday or two\b",
    "nl": r"\b(één|twee|drie|vier|vijf|zes|zeven|eerste) (dag|dagen|week|weken|uur)\b|\bbinnen een (dag|week|uur)\b",
}
# The guide's and a definition's own words, and the days that a fact counts by.
WRITTEN_OUT = (
    "guide.G",
    "alert.response.refractory",
    "alert.response.probable_refractory",
    "title.response.",
    "alert.exposure_low.missed",
    "reason.one_day_only",
    "reason.oxygenation_not_measured",
)


@pytest.mark.parametrize("code", codes())
def test_no_sentence_writes_out_a_span_that_the_protocol_gives(code: str) -> None:
    """A site changes the number, and the sentence would still say the old one."""
    told = {key for key, sentence in language(code).sentences.items() if re.search(_SPANS[code], sentence.lower())}
    assert sorted(key for key in told if not key.startswith(WRITTEN_OUT)) == []
    assert re.search(_SPANS["en"], "two results within a day contradict each other")
    assert re.search(_SPANS["nl"], "duidelijk hoger dan een monster van een of twee dagen ervoor")


@pytest.mark.parametrize("code", codes())
def test_what_is_counted_has_its_singular(code: str) -> None:
    """One record is no "1 records": two forms, or the number behind a colon. The one cohort whose size stands so has more patients."""
    counted = {"en": r"\{n\} (?:\w+ed )?[a-z]+s\b", "nl": r"\{n\} (?:\w+e )?[a-zë]+(?:en|s)\b"}[code]
    found = {key for key, sentence in language(code).sentences.items() if re.search(counted, sentence)}
    assert {key for key in found if not key.endswith((".one", ".other"))} - {"unit.shapes.line"} == set()
    assert re.search(counted, {"en": "{n} records in quarantine", "nl": "{n} regels in quarantaine"}[code])


def test_a_title_says_what_was_found_and_every_language_folds_the_same() -> None:
    assert {code: language(code).folded for code in codes()} == {code: language("nl").folded for code in codes()}
    for rule in all_rules():
        keys = {sentence.key for sentence in rule.says}
        assert set(TITLES[rule.code]) | set(language("nl").folded.get(rule.code, ())) <= keys
        first = [key.rpartition(".")[2] for key in language("nl").sentences if key.startswith(f"title.{rule.code}.")]
        assert first == [*TITLES[rule.code], "otherwise"]
    nl = language("nl")
    assert alert_title("response", {"says": ["slope", "guide"]}, nl) == "Load daalt minder dan de afdelingslijn"
    assert alert_title("response", {"says": ["slope", "guide", "higher"]}, nl) == "Load hoger dan bij behandelstart"
    assert alert_title("rebound", {"says": ["rise", "probability"]}, nl).startswith("Modelsignaal")
    assert (
        alert_title("rebound", {"says": ["rise", "line", "probability"]}, nl) == "Load stijgt boven de laagste waarde"
    )
    assert alert_title("no_follow_up", {"says": ["overdue"]}, nl) == "Geen recente CMV-PCR in bloed"
    assert alert_title("operations", {}, language("en")) == "Data feed"


def test_what_is_folded_is_told_apart_and_not_in_the_sentence() -> None:
    said = {code: alert_details("response", made_up.slow_evidence(), language(code)) for code in codes()}
    assert said["en"] == "Probability that the decline exceeds 1 log10 per week: <1%."
    whole = alert_sentence("response", made_up.slow_evidence(), language("en"))
    assert "Probability" not in whole
    assert alert_details("no_follow_up", OVERDUE, language("nl")) == ""


def test_a_value_keeps_its_four_states() -> None:
    nl = language("nl")
    assert value_in_words("not_detected", None, 17.5, nl) == "niet aantoonbaar"
    assert value_in_words("below_lloq", None, 35.0, nl) == "aantoonbaar, onder kwantificatiegrens (<35 IE/ml)"
    assert value_in_words("quantified", 35.0, None, nl) == "35 IE/ml"
    assert value_in_words("above_uloq", None, 1e7, nl) == "boven meetbereik (>10.000.000 IE/ml)"


BAL = {
    "latest_collected_at": "2026-11-22T06:00:00.000000Z",
    "latest_detection": "quantified",
    "latest_viral_load_iu_per_ml": 125_893.0,
    "protocol.local_line_iu_per_ml": 10_000.0,
    "protocol.response_clock.interrupted_gap_h": 72.0,
    "result_ids": ["SYN-1"],
    "says": ["at_line", "host_unknown", "treatment"],
    "treatment": "off",
}
OVERDUE = {
    "course_started_at": "2026-11-01T06:00:00.000000Z",
    "days_since_blood_result": 12.4,
    "is_discharged": False,
    "last_blood_collected_at": "2026-11-10T06:00:00.000000Z",
    "protocol.overdue_after_days": 9.0,
    "says": ["overdue"],
    "treatment": "on",
}
NEVER = OVERDUE | {"last_blood_collected_at": None, "days_since_blood_result": None, "says": ["none"]}
WORK_STOPPED = {"code": "missing_column", "feed": "synthetic", "table_name": "viral_load_results"}
REBOUND = {
    "affected_source": "stated",
    "compartment": "plasma",
    "previous_point_collected_at": "2026-11-20T06:00:00.000000Z",
    "previous_point_detection": "quantified",
    "previous_point_at_least_iu_per_ml": 4_000.0,
    "previous_point_viral_load_iu_per_ml": 4_000.0,
    "latest_point_collected_at": "2026-11-22T06:00:00.000000Z",
    "latest_point_detection": "quantified",
    "latest_point_at_least_iu_per_ml": 20_000.0,
    "latest_point_viral_load_iu_per_ml": 20_000.0,
    "lowest_point_collected_at": "2026-11-08T06:00:00.000000Z",
    "lowest_point_detection": "quantified",
    "lowest_point_iu_per_ml": 100.0,
    "lowest_point_viral_load_iu_per_ml": 100.0,
    "parallel_blood_collected_at": "2026-11-21T06:00:00.000000Z",
    "parallel_blood_compartment": "plasma",
    "parallel_blood_rise_log10": 1.3,
    "probability_rebound": 0.73,
    "protocol.alarm.probability_rebound": 0.5,
    "protocol.lower_airway_rise_log10": 1.2,
    "protocol.rise_log10": 1.0,
    "protocol.to_at_least_iu_per_ml": 1_000.0,
    "rise_log10": 2.30103,
    "says": ["rise", "line", "probability", "result_before"],
    "stands_in_for": None,
    "watched_since": "2026-11-01T06:00:00.000000Z",
}
SENTENCES = {
    "slope": (
        "response",
        made_up.slow_evidence(),
        (
            "BAL (affected, as stated by the team) 1,000,000 → 125,893 IU/mL (−0.9 log10) in 21 days, on foscarnet. Decline "
            "0.3 log10 per week (95% interval 0.1 to 0.6; 4 results). Ward's line: preferably a decline of more than 1 log10 "
            "per week."
        ),
    ),
    "rise since the start": (
        "response",
        made_up.slow_evidence(
            **{f"mean_decline{end}_log10_per_week": x for end, x in (("", -0.5), ("_low", -0.8), ("_high", -0.2))},
            last_used_viral_load_iu_per_ml=5e6,
            running_drugs="foscarnet;ganciclovir",
            says=["slope", "guide", "higher"],
        ),
        (
            "BAL (affected, as stated by the team) 1,000,000 → 5,000,000 IU/mL (+0.7 log10) in 21 days, on foscarnet, "
            "ganciclovir. Rise 0.5 log10 per week (95% interval 0.2 to 0.8; 4 results). Ward's line: preferably a decline of "
            "more than 1 log10 per week. The rise is more than scatter."
        ),
    ),
    "rise": (
        "rebound",
        REBOUND,
        (
            "Plasma (affected, as stated by the team) 100 IU/mL (8 Nov 2026) → 20,000 IU/mL (22 Nov 2026): 2.3 log10 above "
            "the lowest value since 1 Nov 2026. Alert line: more than 1 log10 higher, and 1,000 IU/mL or higher or two samples "
            "in a row."
        ),
    ),
    "rise of BAL": (
        "rebound",
        REBOUND
        | {"compartment": "bal", "says": ["rise_from_limit", "line_airway", "blood", "conflict"]}
        | {"lowest_point_detection": "below_lloq", "lowest_point_iu_per_ml": 200.0, "rise_log10": 5.7}
        | {"latest_point_detection": "above_uloq", "latest_point_at_least_iu_per_ml": 1e8},
        (
            "BAL (affected, as stated by the team) detected, below quantification limit (<200 IU/mL) (8 Nov 2026) → above "
            "range (>100,000,000 IU/mL) (22 Nov 2026): at least 5.7 log10 above the quantification limit of 200 IU/mL, below "
            "which the lowest value since 1 Nov 2026 lay. Alert line: at least 1.2 log10 higher, with a second sample or blood "
            "beside it. In plasma of 21 Nov 2026: 1.3 log10 above its own lowest value. A result with conflicting "
            "values in this period is not used."
        ),
    ),
    "line": (
        "bal_at_local_line",
        BAL,
        (
            "BAL of 22 Nov 2026: 125,893 IU/mL, at or above the local line of 10,000 IU/mL. Immune status of the patient: "
            "unknown. No CMV treatment on record in the last 72 hours."
        ),
    ),
    "overdue": (
        "no_follow_up",
        OVERDUE,
        "Latest: 10 Nov 2026 (12 days ago), on treatment since 1 Nov 2026. Alert line: 9 days.",
    ),
    "never": (
        "no_follow_up",
        NEVER,
        "No blood result known during treatment since 1 Nov 2026. Alert line: 9 days.",
    ),
    "suppressed": (
        "suppressed",
        made_up.SUPPRESSED,
        "Last two results in plasma: detected, below quantification limit (18 Nov 2026) and not detected (21 Nov 2026).",
    ),
    "operations": (
        "operations",
        WORK_STOPPED,
        "Feed synthetic, results: delivery refused, a column is missing.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_the_sentence_of_an_alert_states_its_facts(case: str) -> None:
    rule, evidence, expected = SENTENCES[case]
    assert alert_sentence(rule, evidence, language("en")) == expected


def test_a_bal_below_the_line_of_an_unknown_host_is_never_called_below_it() -> None:
    evidence = BAL | {"says": ["quantified", "treatment"], "latest_viral_load_iu_per_ml": 500.0}
    for code, below in (("nl", "onder"), ("en", "below")):
        said = alert_sentence("bal_at_local_line", evidence, language(code))
        assert "500" in said
        assert below not in said


def evidence_of_a_case(rule: str) -> dict[str, object]:
    """That of the first alert, or state, in the rule's own case table."""
    case = next(case for case in cases(rule) if case.verdict in ("alert", "state"))
    found = verdicts_alone(case).filter(about(case))
    evidence: dict[str, object] = json.loads(found["evidence"][0])
    return evidence


@pytest.mark.parametrize("code", codes())
def test_an_alert_whose_facts_are_unknown_still_has_a_sentence(code: str) -> None:
    """Every fact is null, except those that the rule can't fire without; said is what the rule then says."""
    kept = {"compartment", "latest_detection", "previous_detection", "latest_collected_at", "previous_collected_at"}
    for rule in all_rules():
        known = evidence_of_a_case(rule.code)
        types = types_of(rule, all_fact_tables())
        bare = {name: known.get(name) if name in kept or name.startswith("protocol.") else None for name in types}
        row = pl.DataFrame({name: [value] for name, value in bare.items()}, schema=types)
        row = row.with_columns(as_of=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
        bare["says"] = [s.key for s in rule.says if row.select(held=s.when.expr)["held"][0]]
        said = alert_sentence(rule.code, json.loads(json.dumps(bare)), language(code))
        assert said
        assert "None" not in said


def test_every_rule_has_its_sentence_and_a_missing_fact_is_named_without_a_value() -> None:
    for rule in all_rules():
        said = {code: alert_sentence(rule.code, evidence_of_a_case(rule.code), language(code)) for code in codes()}
        assert len(set(said.values())) == len(codes()), rule.code
    with pytest.raises(MissingWords, match="'latest_collected_at'") as caught:
        alert_sentence(
            "bal_at_local_line", {k: v for k, v in BAL.items() if k != "latest_collected_at"}, language("nl")
        )
    assert "125" not in str(caught.value)
    with pytest.raises(MissingWords, match="no_such_rule"):
        alert_sentence("no_such_rule", {}, language("nl"))


def test_an_unknown_language_or_sentence_is_refused_in_words() -> None:
    with pytest.raises(UnknownLanguage, match="choose one of en, nl"):
        language("fr")
    with pytest.raises(MissingWords, match=r"no sentence 'no\.such'"):
        language("nl").say("no.such")
    with pytest.raises(MissingWords, match=r"needs \{load\}"):
        language("nl").say("value.load")


def test_words_cost_no_heavy_import() -> None:
    """`cmvmon alerts list` says its sentences without a frame library; Babel comes with the first number."""
    asked = "import sys, cmvmon.text as t; t.language('nl').say('unknown'); print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"polars", "numpy", "pandas", "numba", "plotly", "babel", "prefect", "great_expectations"}
    assert heavy & set(re.findall(r"'(\w+)'", run.stdout)) == set()
