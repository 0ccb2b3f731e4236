"""Clinical policy as data: the loader of the protocol file. Every clinical number stands there, none in code."""

from cmvmon.protocol.loader import read_protocol
from cmvmon.protocol.moved_together import MovedTogether
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
from cmvmon.protocol.trajectory_priors import (
    TrajectoryLine,
    TrajectoryPriors,
    read_trajectory_priors,
    trajectory_priors_text,
)

__all__ = [
    "AffectedCompartments",
    "Alarm",
    "Concordance",
    "Decline",
    "Drug",
    "Key",
    "LinePrior",
    "MovedTogether",
    "NearLloq",
    "NextSample",
    "Protocol",
    "Provenance",
    "ResponseClock",
    "RuleStanza",
    "TrajectoryLine",
    "TrajectoryPriors",
    "read_protocol",
    "read_trajectory_priors",
    "trajectory_priors_text",
]
