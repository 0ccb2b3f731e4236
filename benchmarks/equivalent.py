"""Mutants that no test can tell from what is written, each with the reason; they are counted apart in the report."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.mutating import Mutant


@dataclass(frozen=True)
class Equivalent:
    """Mutants of one kind: the end of the file's path, a part of the line as written, the change, and why."""

    file: str
    code: str
    change: str
    reason: str

    def is_about(self, mutant: Mutant) -> bool:
        return (
            mutant.file.endswith(self.file)
            and self.code in mutant.code
            and mutant.change == self.change.replace("'", "`")
        )


_FLIPPED, _SET = "'True' -> 'False'", "'False' -> 'True'"

EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent("leading.py", 'unique(subset="patient_id"', _FLIPPED, "the table is sorted by its key afterwards"),
    Equivalent("after_treatment.py", ".unique(PLACE", _FLIPPED, "the rows are only joined, one for each place"),
)
