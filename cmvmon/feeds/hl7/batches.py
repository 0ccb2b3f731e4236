"""Whether a file of messages is whole: what its batches say that they hold (HL7 2.5.1, 2.10.3: BTS-1, FTS-1).

A file without a batch header says nothing of how many messages it should hold, and none can be missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cmvmon.feeds.hl7.reader import OfBatch
from cmvmon.feeds.records import refusal


@dataclass
class Batches:
    """Counts messages and batches while a file is read. Each step raises DeliveryError where what is stated is not so."""

    n_messages: int = 0  # of the batch
    n_batches: int = 0  # of the file
    n_in_file: int = 0  # messages since its header
    is_in_file: bool = False
    is_in_batch: bool = False
    is_over: bool = False
    line: int = 1

    def message(self, line: int) -> None:
        """A message begins on that line."""
        if self.is_over or (self.is_in_file and self.n_batches and not self.is_in_batch):
            raise refusal("trailing_data", f"line {line} stands after the trailer of its batch")
        self.n_messages += 1
        self.n_in_file += 1
        self.line = line

    def header_or_trailer(self, one: OfBatch) -> None:
        """A header or a trailer stands on its line."""
        self.line = one.line.number
        steps: dict[str, Callable[[OfBatch], None]] = {
            "FHS": self._file_begins, "BHS": self._batch_begins, "BTS": self._batch_ends, "FTS": self._file_ends,
        }  # fmt: skip
        steps[one.name](one)

    def end(self) -> None:
        """No more follows."""
        if self.is_in_file or self.is_in_batch:
            trailer = "BTS" if self.is_in_batch else "FTS"
            raise refusal("cut_off", f"line {self.line} is the last one, and {trailer}, which counts, is not there")

    def _file_begins(self, one: OfBatch) -> None:
        if self.is_in_file or self.is_in_batch:
            raise refusal("cut_off", f"line {one.line.number}: another file begins before the end of the one before it")
        self.n_messages = self.n_batches = self.n_in_file = 0
        self.is_in_file, self.is_over = True, False

    def _batch_begins(self, one: OfBatch) -> None:
        if self.is_in_batch:
            raise refusal(
                "cut_off", f"line {one.line.number}: another batch begins before the end of the one before it"
            )
        self.n_messages = 0
        self.n_batches += 1
        self.is_in_batch, self.is_over = True, False

    def _batch_ends(self, one: OfBatch) -> None:
        self._check(one, (self.n_messages,), "message(s)")
        self.is_in_batch, self.is_over = False, not self.is_in_file
        self.n_messages = 0

    def _file_ends(self, one: OfBatch) -> None:
        if self.is_in_batch:
            raise refusal("cut_off", f"line {one.line.number}: the file ends within a batch")
        # Of a file without batches some senders count the messages.
        self._check(one, (self.n_batches,) if self.n_batches else (1, self.n_in_file), "batch(es)")
        self.is_in_file, self.is_over = False, True

    def _check(self, one: OfBatch, found: tuple[int, ...], what: str) -> None:
        stated = one.line.data[3:].split(one.line.data[3:4] or b"|")
        count = stated[1].strip() if len(stated) > 1 else b""
        is_so = count.isdigit() and len(count) < 10 and int(count) in found
        if count and not is_so:
            said = f"{found[-1]} {what} were found, and {one.name} on line {one.line.number} counts another number"
            raise refusal("wrong_count", said)
