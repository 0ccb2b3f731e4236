"""docs/reading-test.md: twelve cases of the demo's ward with question, right answer and the misreading each guards against.

`answers` stands on the page of that patient, in each language; tests/pages/test_reading.py reads it there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One page and one question about it. `answers`: by language, the texts of the page that hold the right answer."""

    patient: str
    about: str
    question: str
    answer: str
    misreading: str
    answers: dict[str, tuple[str, ...]]


CASES = (
    Case(
        "SYNTHETIC-D10",
        "stale data",
        "How old is the newest result in blood, and does it say how the patient is today?",
        "13 days; no, a sample is overdue",
        "An old value is read as today's.",
        {
            "nl": ("Geen recente CMV-PCR in bloed", "30-01-2024 (13 dagen geleden)"),
            "en": ("No recent CMV PCR in blood", "30 Jan 2024 (13 days ago)"),
        },
    ),
    Case(
        "SYNTHETIC-D21",
        "censored run",
        "Both results in plasma: which number do they give, and did the load rise?",
        "Neither gives a number: not detected, then detected below 35; whether it rose is not known",
        "`<35` is read as 35 or as negative, or the step from one to the other as a rise.",
        {
            "nl": (
                "aantoonbaar, onder kwantificatiegrens (<35 IE/ml)",
                "vorige: niet aantoonbaar (detectiegrens 17,5 IE/ml)",
            ),
            "en": (
                "detected, below quantification limit (<35 IU/mL)",
                "previous: not detected (limit of detection 17.5 IU/mL)",
            ),
        },
    ),
    Case(
        "SYNTHETIC-D22",
        "withdrawn result",
        "Which value of BAL may be used?",
        "None: the laboratory has withdrawn it",
        "A withdrawn value is still used, or the withdrawal is read as a negative result.",
        {
            "nl": ("Uitslag ingetrokken nadat die hier stond", "door het laboratorium ingetrokken (11-02-2024)"),
            "en": ("Result withdrawn after it stood here", "withdrawn by the laboratory (11 Feb 2024)"),
        },
    ),
    Case(
        "SYNTHETIC-D16",
        "assay step",
        "Plasma was 60 and is 190 IU/mL: did the load triple?",
        "Not known: the second was measured in another assay",
        "A step between two assays is read as a rise.",
        {
            "nl": ("190 IE/ml", "geen eerdere waarde in dezelfde test"),
            "en": ("190 IU/mL", "no earlier value in the same assay"),
        },
    ),
    Case(
        "SYNTHETIC-D12",
        "two compartments",
        "Blood is negative: is there CMV?",
        "Yes: 32,000 IU/mL in BAL, 12 days ago",
        "Negative blood is read as no CMV anywhere.",
        {
            "nl": ("Bloed negatief, CMV elders aangetoond", "BAL 32.000 IE/ml (31-01-2024)", "12 dagen geleden"),
            "en": ("Blood negative, CMV found elsewhere", "BAL 32,000 IU/mL (31 Jan 2024)", "12 days ago"),
        },
    ),
    Case(
        "SYNTHETIC-D07",
        "prophylaxis is no treatment",
        "Is the patient treated, and with what?",
        "No: letermovir is given as prophylaxis, for 41 days",
        "Prophylaxis is read as treatment.",
        {
            "nl": ("Load stijgt onder profylaxe", "letermovir dag 41, profylaxe"),
            "en": ("Load rises on prophylaxis", "letermovir day 41, prophylaxis"),
        },
    ),
    Case(
        "SYNTHETIC-D11",
        "no drug on record",
        "What does the patient get against CMV?",
        "Nothing that is on record",
        "What is absent is read as not known, or as left out.",
        {
            "nl": ("Load in bloed stijgt zonder behandeling", "180 → 14.000 IE/ml", "geen geregistreerd"),
            "en": ("Load in blood rises without treatment", "180 → 14,000 IU/mL", "none on record"),
        },
    ),
    Case(
        "SYNTHETIC-D15",
        "a fall as it should be",
        "Does anything need an answer today?",
        "No: the load falls from 26,000 to 1,400 IU/mL in 6 days, and no alert is open",
        "A high value of the past is read as the one that counts.",
        {
            "nl": ("daalt: 26.000 → 1.400 IE/ml in 6 dagen", "Geen open meldingen"),
            "en": ("falls: 26,000 → 1,400 IU/mL in 6 days", "No open alerts"),
        },
    ),
    Case(
        "SYNTHETIC-0015",
        "within scatter",
        "Did the load in BAL change between the last two results?",
        "Not more than the assay scatters",
        "Any lower number is read as a fall.",
        {"nl": ("het verschil valt binnen de meetspreiding",), "en": ("the difference is within scatter",)},
    ),
    Case(
        "SYNTHETIC-D06",
        "a direction that is not certain",
        "How sure is it that the load falls, and by how much per week?",
        "Not sure: 0.1 log10 per week, 95% interval −0.1 to 0.3",
        "The estimate is read without its interval.",
        {
            "nl": ("richting niet zeker", "95%-BI −0,1 tot 0,3; 4 metingen"),
            "en": ("direction not certain", "95% interval −0.1 to 0.3; 4 results"),
        },
    ),
    Case(
        "SYNTHETIC-D08",
        "after the end of treatment",
        "Since when is the patient without treatment, and what is the load in plasma now?",
        "Since 26 January; 4,300 IU/mL",
        "A course that has ended is read as one that runs.",
        {
            "nl": ("behandeling geëindigd op 26-01-2024", "Plasma 4.300 IE/ml (10-02-2024)", "geen geregistreerd"),
            "en": ("treatment ended on 26 Jan 2024", "Plasma 4,300 IU/mL (10 Feb 2024)", "none on record"),
        },
    ),
    Case(
        "SYNTHETIC-D04",
        "nobody has answered",
        "Who has acknowledged the result in CSF?",
        "Nobody, though it has been known for 12 hours or longer",
        "An alert that stands there is taken for one that somebody deals with.",
        {
            "nl": (
                "geen bevestiging geregistreerd",
                "Liquor 2.400 IE/ml",
                "had niemand hem bevestigd of teruggelezen",
            ),
            "en": ("no acknowledgement on record", "CSF 2,400 IU/mL", "nobody had acknowledged it or read it back"),
        },
    ),
)

_HEAD = """# A reading test of the pages

<!-- Generated by `make generate` from tests/docs/reading_page.py. Do not edit. -->

Whether the pages are understood can't be computed: people have to read them. This is ready to be run, and was not run yet. Every
patient is synthetic and stands in the demo's ward (`make demo`); a test reads each right answer from the page, in both languages.

## How it is run

1. At least eight readers who work on an ICU, in infectiology or in microbiology, none of whom has seen the pages. Each is told:
   "You see a page for 15 seconds, then it goes away and I ask you one question. You may say that you do not know."
2. `make demo`; `site/pages/ward.nl.html` leads to every patient. Half of the readers begin on paper (A4, printed from the browser),
   half on a screen of 800 x 1100 pixels; after six cases they change. Each has the cases in an order of his own, drawn by lot.
3. The page is shown for 15 seconds by a watch, then covered. The question is read aloud. Time runs from its end to the answer.
4. The answer is written down in the reader's words, and his confidence: 1 (guessed) to 5 (certain). Nothing is corrected.
5. Afterwards one person who was not there scores each answer: right, wrong, or not known; a wrong one also as the misreading of
   the table below, or as another, in words.

A page is good enough where no misreading occurs twice and nine of ten answers are right. Both are a proposal of this project: who
runs the test decides before it. It is repeated after each redesign, with other readers.

## Cases

"""

_FORM = """
## Form, one line for each answer

| reader | profession | medium (paper, screen) | language | case | answer, in the reader's words | seconds | confidence 1-5 | scored (right, wrong, not known) | misreading |
|---|---|---|---|---|---|---|---|---|---|
|  |  |  |  |  |  |  |  |  |  |

## What is reported

Right answers of all, by case and by medium, with their counts (of 8 readers a share alone says little); the median time; how often
a wrong answer was given with confidence 4 or 5, which is the number that matters; every misreading, by kind.
"""


def reading_page() -> str:
    """The page as Markdown."""
    rows = [
        "| case | patient | about | question | right answer | misreading it guards against |",
        "|---|---|---|---|---|---|",
        *(
            f"| {number} | `{case.patient}` | {case.about} | {case.question} | {case.answer} | {case.misreading} |"
            for number, case in enumerate(CASES, 1)
        ),
    ]
    return _HEAD + "\n".join(rows) + "\n" + _FORM
