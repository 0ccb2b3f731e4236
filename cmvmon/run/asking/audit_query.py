"""What the audit log of the board says: whether it is whole, and who looked at one patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.run.asking.plain_values import plainly
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.boards import audit_log
from cmvmon.shell.boards.audit_log import Entry
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.versions.links import links

_EXPORT = "export_audit"
_WORDS = {
    "row_missing": "a row is missing before this one, or was put in, or moved",
    "chain_broken": "it does not follow the row before it: one of the two was changed, or one between them removed",
    "row_changed": "it does not say what it said when it was written",
    "rows_cut_off": "audit.head knows this row, and the log ends before it",
    "head_differs": "audit.head knows another row of this number: the log was written anew",
    "head_missing": "audit.head is gone, so that nobody can tell whether rows were cut off at the end",
    "head_unreadable": "audit.head can't be read, so that nobody can tell whether rows were cut off at the end",
}


def verified(root: Path) -> dict[str, Any]:
    """`rows`, `faults` (code, row and words of each) and in `words` what was found. Reads the whole log."""
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        found = audit_log.verify(connection, root)
    faults = [{"code": code, "row": row, "words": _WORDS[code]} for code, row in found.faults]
    if faults:
        words = f"the audit log of {found.n_rows} rows is NOT whole"
    elif found.head is None:
        words = "the audit log holds no row, and no head: nothing was recorded yet"
    else:
        words = f"the audit log is whole: {found.n_rows} rows, the head is row {found.head.sequence}"
    if found.n_after_head:
        words += f"; {found.n_after_head} rows are newer than the head, as after a program that was killed"
    head = None if found.head is None else {"sequence": found.head.sequence, "hash": found.head.hash}
    return {"rows": found.n_rows, "faults": faults, "head": head, "words": words}


def exported(root: Path, patient: str, *, actor: str) -> list[dict[str, Any]]:
    """Every row about that patient, under each number that the patient ever had, in order, without the other patients of its page.

    The export is an action of its own, and is recorded before anything is given. Raises SiteError for an empty number, AuditBroken.
    """
    if not patient.strip():
        raise SiteError("--patient is empty; give the patient's number")
    site = Site(root).require()
    with open_store(site.database) as store:
        with store.reading() as connection:
            family = sorted(links(connection, as_of=now(), about=[patient]).family([patient]))
        entry = Entry(now(), _EXPORT, actor=actor, object="audit log", patients=tuple(family))
        audit_log.append(store, root, [entry])
        with store.reading() as connection:
            rows = list(audit_log.rows_of(connection, family))
    shown = [{**row, "n_patients": len(row["patients"])} for row in rows]
    return [dict(plainly({k: v for k, v in row.items() if k != "patients"} | {"patient": patient})) for row in shown]


def nothing_of(root: Path, patient: str, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """That no row but exports is about that patient, and whether anybody of that number is known; None where one is."""
    if any(row["event"] != _EXPORT for row in rows):
        return None
    with open_store(Site(root).require().database) as store, store.reading() as connection:
        is_known = numbers_in_store.is_known(connection, patient, as_of=now())
    words = "nobody looked at that patient on the board: the audit log has no row of it but of exports, as this one"
    return words if is_known else f"{words}. Nobody of that number is known on this site: is it written right?"


def go_on(root: Path, *, why: str, actor: str) -> int:
    """Lets a log go on that lacks rows; the number of the row that says so."""
    site = Site(root).require()
    with open_store(site.database) as store:
        return audit_log.go_on(store, root, actor=actor, why=why, at=now()).sequence
