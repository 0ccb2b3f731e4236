"""What a priors file holds: for each compartment the lines of the bank, how common each is and what it looks like."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cmvmon.domain.errors import ProtocolError

CHANGES = ("none", "early", "late", "levelling")
MOST_CHANGES = 2
WEIGHTS_WITHIN = 0.01  # of 1: what rounding may cost; they are then scaled
RESPONSES = ("responder", "slow", "non_responder")
_TOP = ("version", "source", "strength", "owner", "learned")
_STRAIGHT = ("name", "change", "response", "weight", "mean", "covariance")


@dataclass(frozen=True)
class TrajectoryLine:
    """One line of the bank: straight, or with one or two changes of slope.

    Attributes:
        name: unique in its compartment.
        change: none, early, late or levelling: the last change. A late change that ends in a rise is a rebound; a trajectory
            that levels off is kept apart, so that a plateau is no rebound.
        response: how such a trajectory is named when non-responders are weighed against responders.
        changes_at_weeks: after the anchor, rising; none for a straight line.
        weight: share of trajectories.
        mean: log10 load at the anchor, then the decline of each piece (log10 per week): 2, 3 or 4 numbers.
        covariance: of the same, row by row, upper triangle: 3, 6 or 10 numbers.
    """

    name: str
    change: str
    response: str
    changes_at_weeks: tuple[float, ...]
    weight: float
    mean: tuple[float, ...]
    covariance: tuple[float, ...]

    @property
    def is_straight(self) -> bool:
        """Whether it has no change."""
        return self.change == "none"


@dataclass(frozen=True)
class TrajectoryPriors:
    """One versioned set of priors; `lines` by the names of the protocol's [prior.*] stanzas.

    `learned` says in words what they were learned from: counts and settings, never patients. `text_sha256` is the SHA-256,
    in hexadecimal, of the text they were read from; empty for priors that no file holds yet. It is no part of equality.
    """

    version: str
    source: str
    strength: str
    owner: str
    learned: Mapping[str, str | int | float]
    lines: Mapping[str, tuple[TrajectoryLine, ...]]
    text_sha256: str = field(default="", compare=False)


def read_trajectory_priors(text: str, *, name: str) -> TrajectoryPriors:
    """The priors that `text` (TOML) holds; the weights of a compartment are scaled to add up to 1.

    Raises:
        ProtocolError: not TOML, or lines that are no distribution: every fault, with its place.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"priors/{name}: not valid TOML ({error}); mend that line") from error
    faults: list[str] = []
    for key in ("version", "source", "strength", "owner"):
        if not isinstance(document.get(key), str) or not document[key].strip():
            faults.append(f"{key} is missing or empty; add it")
    learned = document.get("learned", {})
    if not isinstance(learned, dict):
        faults.append("[learned] must be a table")
        learned = {}
    lines = {
        key: _lines(key, tables, faults) for key, tables in document.items() if key not in _TOP and _is_list(tables)
    }
    faults += [f"{key} is not a key of this file" for key in document if key not in _TOP and key not in lines]
    if not lines:
        faults.append("no lines: add [[plasma]] and [[bal]] tables")
    if faults:
        listed = "\n  ".join(faults)
        raise ProtocolError(f"priors/{name} can't be used. Mend these and start again:\n  {listed}")
    return TrajectoryPriors(
        document["version"],
        document["source"],
        document["strength"],
        document["owner"],
        dict(learned),
        lines,
        sha256(text.encode("utf-8")).hexdigest(),
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _lines(key: str, tables: list[dict[str, Any]], faults: list[str]) -> tuple[TrajectoryLine, ...]:
    found = [line for i, table in enumerate(tables, 1) if (line := _line(f"[[{key}]] number {i}", table, faults))]
    if len(found) < len(tables):
        return ()
    if len({line.name for line in found}) < len(found):
        faults.append(f"[[{key}]] two lines have one name; rename one")
    if not any(line.is_straight for line in found):
        faults.append(f"[[{key}]] has no straight line; add one with change = 'none'")
    if not any(line.change == "late" for line in found):
        faults.append(f"[[{key}]] has no line with change = 'late'; without one no rebound can be seen: add one")
    for response in ("responder", "non_responder"):
        if not any(line.response == response for line in found):
            faults.append(f"[[{key}]] has no line with response = '{response}'; without one there are no odds: add one")
    total = math.fsum(line.weight for line in found)
    if abs(total - 1.0) > WEIGHTS_WITHIN:
        faults.append(f"[[{key}]] the weights add up to {total:.4g}; they must add up to 1")
    return tuple(
        TrajectoryLine(
            line.name,
            line.change,
            line.response,
            line.changes_at_weeks,
            line.weight / total,
            line.mean,
            line.covariance,
        )
        for line in found
    )


def _line(where: str, table: dict[str, Any], faults: list[str]) -> TrajectoryLine | None:
    before = len(faults)
    straight = table.get("change") == "none"
    keys = _STRAIGHT if straight else (*_STRAIGHT, "changes_at_weeks")
    faults += [f"{where}: {key} is missing; add it" for key in keys if key not in table]
    faults += [f"{where}: {key} is not a key of a line; remove it" for key in table if key not in keys]
    if len(faults) > before:
        return None
    if table["change"] not in CHANGES:
        faults.append(f"{where}: change must be one of {', '.join(CHANGES)}")
    if table["response"] not in RESPONSES:
        faults.append(f"{where}: response must be one of {', '.join(RESPONSES)}")
    changes = _changes(table.get("changes_at_weeks", []))
    size = 2 + len(changes or ())
    mean = _numbers(table["mean"], size)
    covariance = _numbers(table["covariance"], size * (size + 1) // 2)
    weight = _numbers([table["weight"]], 1)
    if mean is None:
        faults.append(f"{where}: mean must be {size} finite numbers")
    if covariance is None or not _is_positive_definite(covariance, size):
        faults.append(f"{where}: covariance must be the upper triangle, row by row, of a matrix of full rank")
    if weight is None or weight[0] <= 0:
        faults.append(f"{where}: weight must be a number above 0")
    if changes is None or (not straight and not changes):
        faults.append(f"{where}: changes_at_weeks must be one or two rising numbers above 0")
    if len(faults) > before or mean is None or covariance is None or weight is None or changes is None:
        return None
    return TrajectoryLine(str(table["name"]), table["change"], table["response"], changes, weight[0], mean, covariance)


def _changes(value: object) -> tuple[float, ...] | None:
    found = _numbers(value, len(value)) if isinstance(value, list) and len(value) <= MOST_CHANGES else None
    if found is None or any(b <= a for a, b in zip((0.0, *found), found, strict=False)):
        return None
    return found


def _numbers(value: object, size: int) -> tuple[float, ...] | None:
    if not isinstance(value, list) or len(value) != size:
        return None
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in value):
        return None
    return tuple(float(v) for v in value)


def _is_positive_definite(upper: tuple[float, ...], size: int) -> bool:
    """By Cholesky's steps on the upper triangle."""
    rows: list[list[float]] = []
    place = 0
    for i in range(size):
        rows.append(list(upper[place : place + size - i]))
        place += size - i
    for i in range(size):
        if rows[i][0] <= 0.0:
            return False
        for j in range(i + 1, size):
            share = rows[i][j - i] / rows[i][0]
            for k in range(j, size):
                rows[j][k - j] -= share * rows[i][k - i]
    return True


def trajectory_priors_text(priors: TrajectoryPriors) -> str:
    """The file that `read_trajectory_priors` reads back; no prose is added or lost but comments."""
    out = [f"{key} = {_quoted(getattr(priors, key))}" for key in ("version", "source", "strength", "owner")]
    if priors.learned:
        out += ["", "[learned]"]
        out += [f"{key} = {_quoted(v) if isinstance(v, str) else v}" for key, v in priors.learned.items()]
    for key, lines in priors.lines.items():
        for line in lines:
            out += ["", f"[[{key}]]", f"name = {_quoted(line.name)}", f"change = {_quoted(line.change)}"]
            out += [f"response = {_quoted(line.response)}"]
            out += [] if line.is_straight else [f"changes_at_weeks = {_listed(line.changes_at_weeks)}"]
            out += [f"weight = {line.weight:.6g}", f"mean = {_listed(line.mean)}"]
            out += [f"covariance = {_listed(line.covariance, 10)}"]
    return "\n".join(out) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listed(numbers: tuple[float, ...], digits: int = 6) -> str:
    return "[" + ", ".join(f"{number + 0.0:.{digits}g}" for number in numbers) + "]"
