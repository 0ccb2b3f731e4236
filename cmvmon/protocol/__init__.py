"""Clinical policy as data: the loader of the protocol file. Every clinical number stands there, none in code."""

from cmvmon.protocol.loader import read_protocol
from cmvmon.protocol.policy import (
    AffectedCompartments,
    Decline,
    Drug,
    LinePrior,
    Protocol,
    Provenance,
    ResponseClock,
    RuleStanza,
)

__all__ = [
    "AffectedCompartments",
    "Decline",
    "Drug",
    "LinePrior",
    "Protocol",
    "Provenance",
    "ResponseClock",
    "RuleStanza",
    "read_protocol",
]
