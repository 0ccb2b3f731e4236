"""Where an analysis writes: the tables of one run stand there, all of them, and never beside those of another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cmvmon.domain.errors import NotWritten, SiteError
from cmvmon.shell.basis.files import aside_of
from cmvmon.workbench.batch import computed_tables
from cmvmon.workbench.quarantined import SET_APART

WRITTEN = (*(row_type.name for row_type in computed_tables(ask_next=True)), SET_APART)  # what an analysis may write


_NAMED = 5  # of what else lies in OUT


@dataclass(frozen=True)
class Room:
    """Two folders of a run that is at work: `tables` becomes what OUT holds, `work` is gone afterwards."""

    tables: Path
    work: Path


def refuse_former(there: Iterable[str], *, may_replace: bool) -> None:
    """Raises SiteError where OUT holds one of those tables already, in the same words for every engine."""
    if names := ", ".join(there):
        raise SiteError(f"OUT holds {names} already; name another{', or give --replace' * may_replace}")


@contextmanager
def room_for(out: Path, *, replace: bool) -> Iterator[Room]:
    """Room for a run. Where the block ends well, `out` holds the tables; where it does not, `out` is as it was.

    A new `out` appears whole, and so do tables that take the place of former ones (`replace`): these stand until then. Into a folder
    that is there, which may be a volume, tables are moved one after the other: killed in the middle, a part of one run stands there,
    and the next run refuses it.

    Raises SiteError: `out` is a file, or holds tables of a former run and `replace` is false, or other things beside them.
    NotWritten: it can't be written.
    """
    if out.exists() and not out.is_dir():
        raise SiteError(f"{out.name} is a file; name a folder with --out")
    out = out.resolve()
    is_there, takes_place = out.exists(), _takes_place(out, replace=replace)
    aside = aside_of(out / "any" if is_there and not takes_place else _nearest(out))
    room = Room(aside / "tables", aside / "work")
    try:
        with _told(out):
            for folder in (aside, room.tables, room.work):
                folder.mkdir()
        yield room
        with _told(out):
            if _takes_place(out, replace=takes_place):  # looked at again: another run may have come there meanwhile
                _swap(room.tables, out, aside / "former")
            elif is_there:
                for table in sorted(room.tables.iterdir()):
                    os.rename(table, out / table.name)
            else:
                out.parent.mkdir(parents=True, exist_ok=True)
                os.rename(room.tables, out)
    except BaseException as ended:
        if _both_lie(aside):
            raise NotWritten(
                f"{out.name} was made by another program meanwhile; nothing is removed: the former tables are in "
                f"{aside.name}/former beside it, the new ones in {aside.name}/tables"
            ) from ended
        raise
    finally:
        if not _both_lie(aside):
            shutil.rmtree(aside, ignore_errors=True)


def _both_lie(aside: Path) -> bool:
    """Whether the tables of neither run stand where they belong."""
    return (aside / "former").exists() and (aside / "tables").exists()


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = f"{out.name} can't be written ({error.strerror}); check the disk and the folder's rights"
        raise NotWritten(why) from error


def _nearest(out: Path) -> Path:
    """`out`, or the one of the folders above it that is made first."""
    while not out.parent.exists():
        out = out.parent
    return out


def _takes_place(out: Path, *, replace: bool) -> bool:
    """Whether tables of a former run stand there, which are to be replaced. Raises SiteError where they may not be."""
    former = [name for name in WRITTEN if os.path.lexists(out / f"{name}.parquet")]
    if not former:
        return False
    if not replace:
        refuse_former(former, may_replace=True)
    if others := sorted({*os.listdir(out)} - {f"{name}.parquet" for name in former}):
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        raise SiteError(
            f"OUT holds more than the tables of a run: {', '.join(map(repr, others[:_NAMED]))}{more}; --replace takes a folder "
            "that holds these alone, so move that elsewhere, or name another OUT"
        )
    if Path.cwd().is_relative_to(out):
        raise SiteError("--replace puts a new folder in the place of OUT; call it from outside OUT")
    return True


def _swap(tables: Path, out: Path, former: Path) -> None:
    """The new tables in the place of the former ones; whatever ends it, the former ones stand there or in `former`."""
    shutil.copymode(out, tables)
    try:
        os.rename(out, former)
        os.rename(tables, out)
    except BaseException:
        with suppress(OSError):  # another program may have made a folder there: then they stay where they are
            if former.exists() and not os.path.lexists(out):
                os.rename(former, out)
        raise
