"""A laboratory whose results moved together, in words: of whom, how many, since when; no patient and no value."""

from __future__ import annotations

from cmvmon.domain.moved_together import MovedTogether
from cmvmon.text.language import Language


def moved_in_words(moved: MovedTogether, language: Language, time_zone: str) -> str:
    """What moved, that it is a question, and until when nothing is said of it: three sentences. Where some were corrected back, a
    fourth says how many, and how many wait for theirs."""
    said = language.say(
        f"moved_together.{moved.way}",
        laboratory=moved.laboratory,
        assay=moved.assay,
        n=language.number(moved.n_moved, 0),
        of=language.number(moved.n_patients, 0),
        since=language.moment(moved.since, time_zone),
        days=language.number(moved.within_days, 0),
    )
    if not moved.n_back:
        return said
    back, waiting = (language.number(each, 0) for each in (moved.n_back, moved.n_waiting))
    return f"{said} {language.say('moved_together.back', back=back, waiting=waiting)}"
