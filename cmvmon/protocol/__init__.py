"""Clinical policy as data: the loader of the protocol file. Every clinical number stands there, none in code."""

from cmvmon.protocol.course_priors import CourseLine, CoursePriors, course_priors_text, read_course_priors
from cmvmon.protocol.loader import read_protocol
from cmvmon.protocol.policy import (
    AffectedCompartments,
    Alarm,
    Concordance,
    Decline,
    Drug,
    LinePrior,
    NearLloq,
    NextSample,
    ResponseClock,
)
from cmvmon.protocol.protocol import Protocol
from cmvmon.protocol.rule_stanza import RuleStanza
from cmvmon.protocol.stanza import Key, Provenance

__all__ = [
    "AffectedCompartments",
    "Alarm",
    "Concordance",
    "CourseLine",
    "CoursePriors",
    "Decline",
    "Drug",
    "Key",
    "LinePrior",
    "NearLloq",
    "NextSample",
    "Protocol",
    "Provenance",
    "ResponseClock",
    "RuleStanza",
    "course_priors_text",
    "read_course_priors",
    "read_protocol",
]
