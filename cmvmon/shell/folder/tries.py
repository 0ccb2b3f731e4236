"""How often judging a landed delivery ended in an error of ours, or in the death of the process: after three times it stands.

landing/<delivery_id>/<feed>.<table or format>.tries is written before a judging and removed after it. It is not waited for to
be on the disk: what it guards against is a record at which the process dies, and not the loss of power.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.shell.folder.landing import Landed

MOST = 3
_ENDING = ".tries"


class StandsAfterTries(SiteError):
    """A delivery at which judging ended three times in an error of ours is not judged any more."""


@contextmanager
def counted(landing: Path, landed: Landed, *, under: str) -> Iterator[None]:
    """Counts one judging of a delivery as failed unless it ends, or ends in an error that is not ours: one in words, or one of the
    machine that has passed by the next time (no memory, no more open files, a disk that could not be read).

    `under`: what it is read with, files and program; under others it is counted anew. Raises StandsAfterTries, before anything is
    judged, after three.
    """
    path = _path(landing, landed)
    before, read_with = _read(path)
    n = before if read_with == under else 0
    if n >= MOST:
        raise StandsAfterTries(
            f"judging it ended {n} times in an error of cmvmon, and it is not tried again until the feed's files or cmvmon change, "
            f"or `cmvmon quarantine retry {landed.delivery_id[:12]}` asks for it; nothing of it is used. Tell whoever maintains "
            "cmvmon"
        )
    _write(path, n + 1, under)
    try:
        yield
    except CmvmonError:
        _write(path, n, under)
        raise
    except Exception as error:
        if _is_of_the_machine(error):
            _write(path, n, under)
        raise  # else it counts
    except BaseException:  # somebody stopped the work
        _write(path, n, under)
        raise
    _write(path, 0, under)


def _is_of_the_machine(error: Exception) -> bool:
    """A library that meets odd bytes may raise an OSError too; only the system's own has a number."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)


def left(landing: Path, landed: Landed) -> int:
    """How many judgings of it have failed so far, under whatever it was read with."""
    return _read(_path(landing, landed))[0]


def allow_one_more(landing: Path, landed: Landed) -> None:
    """Lets a delivery that stands be tried once more."""
    path = _path(landing, landed)
    n, under = _read(path)
    _write(path, min(n, MOST - 1), under)


def standing(landing: Path, waiting: Iterable[Landed]) -> list[Landed]:
    """Those of the deliveries that wait to be judged (cmvmon.shell.taken_in.unjudged) that stand after three tries."""
    return [way for way in waiting if left(landing, way) >= MOST]


def has_failed(landing: Path, delivery_id: str, feed: str, kept_as: str) -> bool:
    """Whether a judging of such a delivery failed, and none has ended well since."""
    return _read(_named(landing, delivery_id, feed, kept_as))[0] > 0


def _path(landing: Path, landed: Landed) -> Path:
    return _named(landing, landed.delivery_id, landed.feed, landed.kept_as)


def _named(landing: Path, delivery_id: str, feed: str, kept_as: str) -> Path:
    return landing / delivery_id / f"{feed}.{kept_as}{_ENDING}"


def _read(path: Path) -> tuple[int, str]:
    """The number, and under what. A file that was cut off was being written when the process died: once."""
    try:
        facts = json.loads(path.read_bytes())
        return int(facts["tries"]), str(facts["under"])
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, KeyError, TypeError):
        return 1, ""


def _write(path: Path, n: int, under: str) -> None:
    """Where it can't be written nothing is counted: the disk is full, and the judging itself says so."""
    with suppress(OSError):
        if n:
            path.write_text(json.dumps({"tries": n, "under": under}), encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
