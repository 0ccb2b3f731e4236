"""The texts of pages, made once for each reader's rights and language, and kept until the store says something else.

What differs between two readers of the same rights (name, token of the forms) stands in a page as a mark of chance, and is put in when
it is sent: so a page is rendered once for all of them.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from cmvmon.board import listings
from cmvmon.board.roles import ROUTES, may
from cmvmon.board.scope import Reader, Scope, scope_of
from cmvmon.dashboards.board import Board, Filters
from cmvmon.dashboards.data_page import data_page
from cmvmon.dashboards.merged import merged_page
from cmvmon.dashboards.method_page import method_page
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.unit_page import unit_page
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.ward import ward_page
from cmvmon.run.pages.stored_pages import StoredPages, stored_pages
from cmvmon.shell.as_known import numbers_in_store, unassessed
from cmvmon.shell.boards.revision import Revision, revision
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import Session
from cmvmon.shell.work.opening import open_site
from cmvmon.text import Language, codes, language

_KEPT = 200
Pdf = Callable[[PatientView, Language], bytes]  # what makes a patient's page as PDF, where something does


class NeverJudged(Exception):
    """Nobody was ever judged on this site."""


class NotThere(Exception):
    """There is no such page, or none that this reader may see. The log alone is told whom it shows, and why not."""

    def __init__(self, patient: str | None = None, *, because: str = "not_there") -> None:
        super().__init__()
        self.patient, self.because = patient, because


@dataclass(frozen=True)
class Made:
    """A page without what is a reader's own. `tag` changes when it says something else; `patients`: whom it shows."""

    text: str
    patients: tuple[str, ...]

    @cached_property
    def tag(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Asked:
    """A page that is asked for: its route, language, the names in its path, and how it is narrowed down."""

    name: str
    lang: str
    of: str = ""
    ward: str = ""
    tier: str = ""


class Pages:
    """The pages of a site, as its store has them."""

    def __init__(self, root: Path, store: Session, *, pdf: Pdf | None = None) -> None:
        """`pdf`: makes a patient's page as PDF; None = that is not offered."""
        self.root, self.store, self.pdf = root, store, pdf
        self.user_mark, self.token_mark, self._live_mark = (f"@{secrets.token_hex(16)}@" for _ in range(3))
        self.script_name, self.script = shared_script()
        self.live_name, self.live = _live_script()
        self._made: OrderedDict[tuple[object, ...], Made] = OrderedDict()
        self._tokens: dict[str, str] = {}
        self._tokens_of: StoredPages | None = None
        self._revision: Revision | None = None
        self._stored: StoredPages | None = None
        self._lock, self._locks = Lock(), dict[tuple[object, ...], Lock]()

    def revision(self) -> Revision:
        """Changes whenever a page may say something else."""
        with self.store.reading() as connection:
            return revision(connection, self.root)

    def stored(self) -> StoredPages:
        """The site as it was judged last. Raises NeverJudged, and what opening a site raises."""
        return self._as_now()[1]

    def _as_now(self) -> tuple[Revision, StoredPages]:
        """The site as it was judged last, with the revision of the store that it was read at."""
        now = self.revision()
        with self._lock:
            if now != self._revision or self._stored is None:
                is_same = self._revision is not None and self._revision.data == now.data
                with open_site(self.root) as opened:
                    self._stored = stored_pages(opened, before=self._stored if is_same else None)
                self._revision = now
                self._made.clear()
            if self._stored is None:
                raise NeverJudged
            return self._revision, self._stored

    def page(self, asked: Asked, reader: Reader) -> Made:
        """That page for that reader. Raises NotThere."""
        read_at, stored = self._as_now()
        scope = scope_of(stored, reader)
        minute = int(time.time() // 60) if asked.name == "worklist" else 0  # what is overdue follows the clock
        key = (read_at, asked, reader.role, reader.wards, minute)
        self._require_there(stored, scope, asked)
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        try:
            with lock:  # of many who ask at once for a page that is new, one makes it
                with self._lock:
                    found = self._made.get(key)
                if found is None:
                    found = _MAKERS[asked.name](self, stored, scope, asked)
                    with self._lock:
                        if read_at == self._revision:  # of an older one nobody asks again
                            self._made[key] = found
                        while len(self._made) > _KEPT:
                            self._made.popitem(last=False)
                return found
        finally:
            with self._lock:
                self._locks.pop(key, None)

    def _require_there(self, stored: StoredPages, scope: Scope, asked: Asked) -> None:
        """Raises NotThere for a ward or a patient that this reader knows nothing of, before anything is kept of the question."""
        if asked.ward and asked.ward not in scope.wards():
            raise NotThere
        if asked.name == "patient":
            self.patient_of(stored, scope, asked.of)

    def sent(self, text: str, tag: str, reader: Reader, token: str, asked: Asked | None) -> str:
        """A page as that reader gets it. `asked`: what it is, where it is told of changes; `tag`: of the page as it was made."""
        live = "" if asked is None else escape(_live_address(asked, tag))
        text = text.replace(self._live_mark, live).replace(self.token_mark, token)
        return text.replace(self.user_mark, escape(reader.shown))

    def default_language(self) -> str:
        """The site's own language."""
        return Site(self.root).settings().language

    def board(
        self, reader: Reader, scope: Scope | None, asked: Asked, *, notes: tuple[str, ...] = (), **more: Any
    ) -> Board:
        """What the board adds to a page of that reader. `notes`: of this page, after those of the site."""
        spoken = language(asked.lang)
        seen = "" if reader.wards is None else spoken.say("board.scope", wards=", ".join(sorted(reader.wards)))
        allowed = frozenset(name for name, route in ROUTES.items() if may(reader.role, reader.wards, route))
        return Board(
            may=allowed,
            role=reader.role,
            user=self.user_mark,
            token=self.token_mark,
            live=self._live_mark if asked.name in LIVE else "",
            here=f"{ALERT}-{asked.of}.{asked.lang}.html" if asked.name == ALERT else "",
            live_script=self.live_name,
            scope=seen,
            page=asked.name,
            is_synthetic=scope is not None and scope.stored.common.is_synthetic,
            notes=notes if scope is None else (*self._notes(spoken), *notes),
            **more,
        )

    def patient_of(self, stored: StoredPages, scope: Scope, page: str) -> str:
        """The number behind a page's name. Raises NotThere: nobody's, or somebody's whom this reader may not see."""
        patient = self._tokens.get(page)
        # One look for each state of the store, however many are guessed.
        if patient is None and self._tokens_of is not stored:
            with self.store.reading() as connection:
                known = numbers_in_store.every_number(connection, as_of=stored.as_of)
            self._tokens = {stored.names.of_patient(number): number for number in known}
            self._tokens_of = stored
            patient = self._tokens.get(page)
        if patient is None:
            raise NotThere
        if not scope.may_see(patient):
            raise NotThere(patient)
        return patient

    def _notes(self, spoken: Language) -> tuple[str, ...]:
        with self.store.reading() as connection:
            n = len(unassessed.waiting(connection))
        return (spoken.count("board.unjudged", n),) if n else ()

    def _ward(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        spoken = language(asked.lang)
        wards = scope.wards()
        patients = scope.patients if not asked.ward else scope.in_ward(asked.ward)

        def keep(row: Any) -> bool:
            return not asked.tier or any(str(alert["tier"]) == asked.tier for alert in row.open_alerts)

        view = stored.ward(patients, asked.lang, keep=keep)
        n_all = len(stored.whole.rows if scope.patients is None else scope.patients)
        n_left = n_all - len(view.rows)
        notes = (spoken.count("board.filter.on", n_left),) if n_left else ()
        filters = Filters(wards, asked.ward, asked.tier)
        board = self.board(scope.reader, scope, asked, notes=notes, filters=filters)
        shown = {row.patient_id for row in view.rows} | {one.patient_id for one in view.samples or ()}
        if view.lately is not None:
            shown |= {one.patient_id for one in view.lately.alerts}
            shown |= {one.patient_id for one in view.lately.results}
        shown |= {number for group in view.numbers.alike for number in group}
        shown |= {number for link in view.numbers.unused for number in link[:2]}
        return Made(ward_page(view, language=spoken, script=self.script_name, board=board), tuple(sorted(shown)))

    def _patient(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        patient, spoken = self.patient_of(stored, scope, asked.of), language(asked.lang)
        board = self.board(scope.reader, scope, asked, patient=asked.of, has_pdf=self.pdf is not None)
        gone = stored.merged(patient, asked.lang)
        if gone is not None:
            if not scope.may_see(gone.merged_into):
                raise NotThere(patient)
            text = merged_page(gone, language=spoken, board=replace(board, patient="", has_pdf=False))
            return Made(text, (patient, gone.merged_into))
        found = stored.patient(patient)
        if found is None:
            raise NotThere(patient)
        view = replace(found[0], ward_href=stored.names.ward(asked.lang))
        return Made(patient_page(view, language=spoken, script=self.script_name, board=board), (patient,))

    def _data(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        board = self.board(scope.reader, scope, asked)
        return Made(data_page(stored.data(), language=language(asked.lang), script=self.script_name, board=board), ())

    def _unit(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        board = self.board(scope.reader, scope, asked)
        return Made(unit_page(stored.unit(), language=language(asked.lang), script=self.script_name, board=board), ())

    def _method(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        board = self.board(scope.reader, scope, asked)
        return Made(
            method_page(stored.method(), language=language(asked.lang), script=self.script_name, board=board), ()
        )

    def _worklist(self, stored: StoredPages, scope: Scope, asked: Asked) -> Made:
        board = self.board(scope.reader, scope, asked)
        text, patients = listings.worklist_page(self.root, stored, scope, board, asked.lang)
        return Made(text, patients)


_MAKERS: Mapping[str, Callable[[Pages, StoredPages, Scope, Asked], Made]] = {
    "ward": Pages._ward,
    "patient": Pages._patient,
    "data": Pages._data,
    "unit": Pages._unit,
    "method": Pages._method,
    "worklist": Pages._worklist,
}
ALERT = "alert"  # its page is made by the desk, for it says what its reader has just done
LIVE = (*_MAKERS, ALERT)


def hrefs(name: str) -> dict[str, str]:
    """The addresses of a page by language; `name` without language and ending."""
    return {code: f"{name}.{code}.html" for code in codes()}


def _live_address(asked: Asked, tag: str) -> str:
    told = {"page": asked.name, "lang": asked.lang, "of": asked.of, "ward": asked.ward, "tier": asked.tier, "tag": tag}
    return "events?" + urlencode({name: value for name, value in told.items() if value})


def _live_script() -> tuple[str, str]:
    text = resources.files("cmvmon.dashboards").joinpath("assets", "live.js").read_text(encoding="utf-8")
    return f"cmvmon-{hashlib.sha256(text.encode()).hexdigest()[:16]}.js", text
