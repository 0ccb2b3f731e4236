"""Words for people: sentences, numbers and dates, in Dutch and English. Facts come in, words go out."""

from cmvmon.text.alerts import alert_details, alert_sentence, alert_title, duration_sentence, ended_in_words, of_stored
from cmvmon.text.language import Language, MissingWords, UnknownLanguage, codes, language

__all__ = [
    "Language",
    "MissingWords",
    "UnknownLanguage",
    "alert_details",
    "alert_sentence",
    "alert_title",
    "codes",
    "duration_sentence",
    "ended_in_words",
    "language",
    "of_stored",
]
