"""Mutants that no test can tell from what is written, each with the reason; they are counted apart in the report."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.mutating import Mutant


@dataclass(frozen=True)
class Equivalent:
    """Mutants of one kind, and why no test can tell them apart.

    Attributes:
        file, code: the end of the file's path, and a part of the line as written.
        change: from what to what.
        nth: which of such changes on that line; all of them where it is empty.
    """

    file: str
    code: str
    change: tuple[str, str]
    reason: str
    nth: tuple[int, ...] = ()

    def is_about(self, mutant: Mutant) -> bool:
        return (
            mutant.file.endswith(self.file)
            and self.code in mutant.code
            and mutant.change == f"`{self.change[0]}` -> `{self.change[1]}`"
            and (not self.nth or mutant.nth in self.nth)
        )


_OFF, _ON = ("True", "False"), ("False", "True")
_SORTED_LATER = "the order does not matter: the table is sorted by its key afterwards"
_JOINED_LATER = "the order does not matter: the rows are only joined to others"
_ONE_PATIENT = (
    "the order of patients and places does not matter: one row of each is kept, and they are sorted afterwards"
)
_ASKED_IN_PARTS = "how many numbers one question names changes no answer"
_REMEMBERED = "how many are remembered changes no answer"
_ROUNDED = "what a computer's logarithm is off by is far less than either"
_SAME_POINT = "a single result that goes the longer way becomes the same point"

EQUIVALENT = (
    Equivalent("facts/after_treatment.py", '.unique("series"', _OFF, _JOINED_LATER),
    Equivalent(
        "facts/conditions.py", "class Value:", _ON, "the class says itself what `==` makes; the word only says so", (0,)
    ),
    Equivalent("facts/leading.py", "descending=[False, True, False]", _ON, _ONE_PATIENT, (0,)),
    Equivalent("facts/leading.py", '.unique(subset="patient_id"', _OFF, _SORTED_LATER),
    Equivalent("facts/parallel_blood.py", "descending=", _ON, _ONE_PATIENT, (0, 1)),
    Equivalent("facts/parallel_blood.py", ".unique(subset=SERIES_KEY", _OFF, _SORTED_LATER),
    Equivalent("facts/points.py", "is_again = ", _ON, _SAME_POINT),
    Equivalent("facts/points.py", "is_shared = ", _ON, _SAME_POINT),
    Equivalent("facts/points.py", ".group_by(_TIME", _OFF, "the points are sorted by series and moment afterwards"),
    Equivalent("facts/response.py", '.group_by("series", maintain_order=True)', _OFF, _JOINED_LATER),
    Equivalent("facts/standing_in.py", "descending=", _ON, _ONE_PATIENT, (0, 1)),
    Equivalent("facts/standing_in.py", ".unique(subset=PLACE", _OFF, "the rows are sorted again right after it"),
    Equivalent("facts/standing_in.py", ".group_by(", _OFF, _SORTED_LATER),
    Equivalent("facts/taken_back.py", '.unique(_KEY, keep="first"', _OFF, _SORTED_LATER),
    Equivalent("facts/treatment.py", '.unique(subset="patient_id"', _OFF, _JOINED_LATER),
    Equivalent(
        "rules/evidence.py",
        "pl.int_range(first, last + 1",
        ("1", "2"),
        "the text of one day more, which no moment asks for",
    ),
    Equivalent(
        "rules/evidence.py",
        ".list.unique(maintain_order=True)",
        _OFF,
        "polars keeps the order in which they stand unasked; the word makes it a promise",
    ),
    Equivalent("shell/waiting/brought_right.py", "_CHUNK = 500", ("500", "501"), _ASKED_IN_PARTS),
    Equivalent(
        "shell/taken_in/told_apart.py",
        "if len(numbers) > 1 for number",
        ("len(numbers) > 1", "len(numbers) >= 1"),
        "where a key names one patient, the links of that number change nothing of what its records say",
    ),
    *(
        Equivalent(f"rules/{file}.py", "@lru_cache(maxsize=", change, _REMEMBERED)
        for file, change in (
            ("asking", ("1000", "1001")),
            ("evidence", ("200", "201")),
            ("joining", ("1000", "1001")),
            ("joining", ("100", "101")),
            ("judging", ("200", "201")),
            ("judging", ("1", "2")),
            ("judging", ("2000", "2001")),
        )
    ),
    Equivalent(
        "rules/guide_sampling_moment.py",
        "by_lung = ",
        ("lung & is_acute", "lung | is_acute"),
        "it only chooses the sentences of an alert, and one that is not by the organ is by the lung of COVID-19 or ARDS",
    ),
    Equivalent(
        "rules/of_levels.py",
        "is_judged = ",
        ("level.is_known() & unknown.is_unknown()", "level.is_known() | unknown.is_unknown()"),
        "a level is only known where nothing speaks against judging it, and one that is not known lies on neither side",
    ),
    *(
        Equivalent(
            "rules/sentences.py", "_IS_ESTIMATED = ", change, "the three are of one estimate: all known, or none"
        )
        for change in (
            ("_MEAN.is_known() & _LOW.is_known()", "_MEAN.is_known() | _LOW.is_known()"),
            (
                "_MEAN.is_known() & _LOW.is_known() & _HIGH.is_known()",
                "_MEAN.is_known() & _LOW.is_known() | _HIGH.is_known()",
            ),
        )
    ),
    Equivalent(
        "rules/no_follow_up.py",
        'say("leading_taken"',
        ("leading_waits <= leading_at", "leading_waits < leading_at"),
        "a sample taken at the moment of a result of its compartment is that result, and waits for none",
    ),
    Equivalent(
        "rules/resistance_found.py",
        "columns[drug][0].is_known()",
        ("0", "1"),
        "how many rows of the table have a number, and the least of them, are known together",
    ),
    Equivalent("rules/joining.py", "strict=True", _OFF, "both lists are made from the same tables"),
    Equivalent("facts/doses_by_day.py", 'explode("day", empty_as_null=False)', _ON, "a dose has one day at least"),
    Equivalent(
        "facts/falls.py",
        "pl.duration(hours=0)",
        ("0", "1"),
        "what lies within an hour is the baseline by the case before",
    ),
    Equivalent("facts/samples.py", ".round(9) > policy.contradict_log10", ("9", "10"), _ROUNDED),
    Equivalent("facts/toxicity.py", 'keep="last", maintain_order=True', _OFF, _JOINED_LATER),
    Equivalent("rules/__init__.py", "if value < 1e6", ("value < 1000000.0", "value <= 1000000.0"), "both write 1e+06"),
    Equivalent("data_contracts/gate.py", "strict=True", _OFF, "there is an answer for each question, by construction"),
    Equivalent("data_contracts/gate.py", "maxsize=64", ("64", "65"), _REMEMBERED),
    Equivalent("data_contracts/odcs.py", "allow_unicode=True", _OFF, "no contract holds a letter beyond ASCII"),
    Equivalent("data_contracts/reading.py", "class _Stated:", _OFF, "it is made and read inside one function"),
    Equivalent(
        "data_contracts/strict.py",
        "deep: bool = False",
        _ON,
        "the loader hands the word on itself, whatever stands here",
    ),
)
