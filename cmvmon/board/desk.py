"""What the board does for somebody who may ask: pages, files and answers. Nobody's rights are looked at here but whom he may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.board import forms
from cmvmon.board.forms import Fields
from cmvmon.board.listings import is_long_enough, nothing_searched, search_page
from cmvmon.board.pages import ALERT, LIVE, Asked, NotThere, Pages, hrefs
from cmvmon.board.scope import Reader, Scope, scope_of
from cmvmon.dashboards.board import Refused, alert_page
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.errors import AlreadyRunning, AnswerRefused, SiteError, StoreBusy
from cmvmon.run.answers import answering
from cmvmon.run.asking.queries import told_alert
from cmvmon.run.daytime import laboratory_word
from cmvmon.run.daytime.laboratory_word import Answered
from cmvmon.run.messages.patient_files import course_as_fhir, results_as_csv
from cmvmon.run.pages.stored_pages import StoredPages
from cmvmon.shell.alerts import alert_history, alert_store
from cmvmon.shell.boards.audit_log import DONE, FAILED, REFUSED
from cmvmon.shell.store.session import moment
from cmvmon.text import alert_title, language, of_stored

_TIERS = ("1", "2", "3")
# Each answer, and the events as which the store has it.
_RECORDED_AS = {
    "acknowledge": ("acknowledged",),
    "snooze": ("snoozed",),
    "reopen": ("reopened",),
    "readback": ("read_back", "not_reached"),
}


@dataclass(frozen=True)
class Shown:
    """An answer, and what the audit log says of it.

    Attributes:
        text: a page with the marks that `Pages.sent` fills in; `asked`: what it is, where it is told of changes.
        data: a file instead.
        to: the address to go to instead.
        trouble: what kept an answer that is recorded from being followed at once, by its kind.
    """

    status: int = 200
    text: str = ""
    asked: Asked | None = None
    data: bytes | None = None
    media: str = "text/html; charset=utf-8"
    file_name: str = ""
    to: str = ""
    patients: tuple[str, ...] = ()
    object: str = ""
    outcome: str = DONE
    because: str | None = None
    tag: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Desk:
    """The pages of a site, for readers."""

    pages: Pages

    def serve(self, name: str, path: Mapping[str, str], query: Fields, form: Fields, reader: Reader) -> Shown:
        """What that route gives that reader. Raises NotThere, NeverJudged and what the store raises."""
        if name in LIVE and name != ALERT:
            return self._live(asked_of(name, path, query), reader)
        return _DOES[name](self, path, query, form, reader)

    def live_tag(self, asked: Asked, reader: Reader) -> str:
        """The tag of that page as it is now. Raises NotThere."""
        if asked.name == ALERT:
            return _tag_of(self._row(asked.of, reader)[0])
        return self.pages.page(asked, reader).tag

    def _live(self, asked: Asked, reader: Reader) -> Shown:
        made = self.pages.page(asked, reader)
        narrowed = "".join(f" {key}={value}" for key, value in (("ward", asked.ward), ("tier", asked.tier)) if value)
        named = f"{asked.of or asked.name}{narrowed}"
        return Shown(text=made.text, asked=asked, patients=made.patients, object=named, tag=made.tag)

    def _search(self, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        stored = self.pages.stored()
        scope = scope_of(stored, reader)
        asked = Asked("search", path["lang"])
        wanted, spoken = form.get("q", ""), language(path["lang"])
        wrong = "" if is_long_enough(wanted) else spoken.say("board.search.short")
        board = self.pages.board(reader, scope, asked, wanted=wanted, wrong=wrong)
        if wrong:
            return Shown(422, nothing_searched(board, spoken), object="search", outcome=FAILED, because="too_short")
        text, patients = search_page(stored, scope, board, path["lang"], wanted)
        return Shown(text=text, patients=patients, object="search")

    def _alert(self, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        """An answer is said to be recorded while it is the last that the store knows of the alert: an address says nothing."""
        done, said = query.get("done", ""), ""
        if done in _RECORDED_AS:
            row, _ = self._row(path["alert"], reader)
            with self.pages.store.reading() as connection:
                *before, last = events = alert_history.events_of(connection, alert_id=row["alert_id"])
                is_judged = laboratory_word.is_judged(connection, events)
            if is_judged and last["event"] not in _RECORDED_AS[done]:  # what the answer before it came to at once
                last = before[-1]
            if last["event"] in _RECORDED_AS[done] and last["actor"] == reader.shown:
                spoken = language(path["lang"])
                follows = {None: (), True: (spoken.say("board.done.judged"),), False: (spoken.say("board.done.waits"),)}
                said = " ".join((spoken.say(f"board.done.{done}"), *follows[is_judged]))
        return self._alert_page(path, reader, said=said)

    def _answer(self, name: str, path: Fields, form: Fields, reader: Reader) -> Shown:
        """An answer is recorded by the functions of the command line; of what they refuse the page says why."""
        row, scope = self._row(path["alert"], reader)
        spoken = language(path["lang"])
        patients = _of_whom(row)
        try:
            answered = _ANSWERS[name](self, row, forms.whole(name, form), reader)
        except (AnswerRefused, AlreadyRunning, StoreBusy, SiteError) as error:
            code, why = forms.refusal(error, spoken, self._zone(scope))
            shown = self._alert_page(path, reader, refused=forms.refused(name, form, why, error))
            return replace(shown, status=409, outcome=FAILED, because=code)
        to = f"alert-{row['alert_id']}.{path['lang']}.html?done={name}"
        return Shown(
            303,
            to=to,
            patients=patients,
            object=row["alert_id"],
            because=forms.code_of(name, form),
            trouble=answered.kind,
        )

    def too_old(self, name: str, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        """An answer from our own page, but of a session that has ended: nothing is done, and what was typed can be sent again."""
        why = language(path["lang"]).say("board.refused.too_old")
        shown = self._alert_page(path, reader, refused=forms.refused(name, form, why))
        return replace(shown, status=403, outcome=REFUSED, because="no_token")

    def answered(self, alert_id: str, reader: Reader) -> Shown:
        """Which alert somebody is about to answer, and of whom, for the audit log. Raises NotThere."""
        row, _ = self._row(alert_id, reader)
        return Shown(patients=_of_whom(row), object=row["alert_id"])

    def _row(self, alert_id: str, reader: Reader) -> tuple[dict[str, Any], Scope]:
        stored = self.pages.stored()
        scope = scope_of(stored, reader)
        with self.pages.store.reading() as connection:
            found = alert_store.alerts_of(connection, [alert_id])
        if not found:
            raise NotThere
        if not scope.may_see_alert(found[0]):
            raise NotThere(found[0]["patient_id"])
        return dict(found[0]), scope

    def _alert_page(self, path: Fields, reader: Reader, *, said: str = "", refused: Refused | None = None) -> Shown:
        row, scope = self._row(path["alert"], reader)
        lang, stored = path["lang"], scope.stored
        spoken, zone = language(lang), stored.common.time_zone
        with self.pages.store.reading() as connection:
            alert = told_alert(connection, row, spoken, zone)
        patient = None
        if row["patient_id"]:
            place = " ".join(part for part in stored.place_of(row["patient_id"]) if part)
            href = stored.names.patient(row["patient_id"], lang)
            patient = {"patient_id": row["patient_id"], "place": place, "href": href}
        asked = Asked(ALERT, lang, row["alert_id"])
        text = alert_page(
            self.pages.board(reader, scope, asked),
            spoken,
            alert=alert | {"said_at": row["said_at"].isoformat()},
            title=of_stored(alert_title, row["rule"], alert["evidence"], language=spoken),
            patient=patient,
            said=said,
            refused=refused,
            time_zone=zone,
            hrefs=hrefs(f"alert-{row['alert_id']}"),
        )
        return Shown(text=text, asked=asked, patients=_of_whom(row), object=row["alert_id"], tag=_tag_of(row))

    def _acknowledge(self, row: Mapping[str, Any], form: Fields, reader: Reader) -> Answered:
        return laboratory_word.acknowledge(
            self.pages.root, row["alert_id"], reason=forms.reason(form), note=form.get("note") or None, actor=reader.shown,
            page=forms.page(form),
        )  # fmt: skip

    def _snooze(self, row: Mapping[str, Any], form: Fields, reader: Reader) -> Answered:
        until = None
        if form.get("until"):
            try:
                until = moment(form["until"], self._zone(None))
            except SiteError:
                raise AnswerRefused("--until is no moment", "no_moment") from None
        return Answered(answering.snooze(
            self.pages.root, row["alert_id"], until=until, reason=forms.reason(form), note=form.get("note") or None,
            actor=reader.shown, page=forms.page(form),
        ))  # fmt: skip

    def _reopen(self, row: Mapping[str, Any], form: Fields, reader: Reader) -> Answered:
        return laboratory_word.reopen(
            self.pages.root, row["alert_id"], why=form.get("why", ""), actor=reader.shown, page=forms.page(form)
        )

    def _readback(self, row: Mapping[str, Any], form: Fields, reader: Reader) -> Answered:
        how = form.get("how")
        if how not in ("confirmed", "not_reached"):
            raise AnswerRefused("neither confirmed nor not reached", "no_reason")
        return Answered(answering.read_back(
            self.pages.root, row["alert_id"], recipient=form.get("to", ""), is_confirmed=how == "confirmed",
            note=form.get("note") or None, actor=reader.shown, page=forms.page(form),
        ))  # fmt: skip

    def _csv(self, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        stored, patient, _, assessment = self._patient(path["page"], reader)
        data = results_as_csv(assessment, stored, patient)
        return self._file(data, "text/csv; charset=utf-8", f"{path['page']}.csv", patient)

    def _fhir(self, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        stored, patient, _, _ = self._patient(path["page"], reader)
        data = course_as_fhir(stored, patient, lang=path["lang"])
        return self._file(data, "application/fhir+json", f"{path['page']}.fhir.json", patient)

    def _pdf(self, path: Fields, query: Fields, form: Fields, reader: Reader) -> Shown:
        _, patient, view, _ = self._patient(path["page"], reader)
        if self.pages.pdf is None:
            raise NotThere(patient)
        data = self.pages.pdf(view, language(path["lang"]))
        return self._file(data, "application/pdf", f"{path['page']}.pdf", patient)

    def _patient(self, page: str, reader: Reader) -> tuple[StoredPages, str, PatientView, Any]:
        """Of whom a file is asked for. Raises NotThere also for a number that was merged away or never judged: it has no file."""
        stored = self.pages.stored()
        patient = self.pages.patient_of(stored, scope_of(stored, reader), page)
        found = stored.patient(patient)
        if found is None or stored.merged(patient, self.pages.default_language()) is not None:
            raise NotThere(patient)
        return stored, patient, *found

    def _file(self, data: bytes, media: str, name: str, patient: str) -> Shown:
        return Shown(data=data, media=media, file_name=name, patients=(patient,), object=name)

    def _zone(self, scope: Scope | None) -> ZoneInfo:
        stored = self.pages.stored() if scope is None else scope.stored
        return ZoneInfo(stored.common.time_zone)


def asked_of(name: str, path: Fields, query: Fields) -> Asked:
    """The page that is asked for. Of a ward page the query may narrow it down; anything else in it is nothing. Raises NotThere."""
    is_ward = name == "ward"
    tier = query.get("tier", "") if is_ward else ""
    if tier and tier not in _TIERS:
        raise NotThere
    return Asked(name, path["lang"], path.get("page", ""), query.get("ward", "") if is_ward else "", tier)


def _of_whom(alert: Mapping[str, Any]) -> tuple[str, ...]:
    return (alert["patient_id"],) if alert["patient_id"] else ()


def _tag_of(alert: Mapping[str, Any]) -> str:
    """What changes with everything that happens to an alert."""
    return str(alert["sequence"])


_ANSWERS: Mapping[str, Callable[[Desk, Mapping[str, Any], Fields, Reader], Answered]] = {
    "acknowledge": Desk._acknowledge,
    "snooze": Desk._snooze,
    "reopen": Desk._reopen,
    "readback": Desk._readback,
}
_Does = Callable[[Desk, Fields, Fields, Fields, Reader], Shown]


def _answering(name: str) -> _Does:
    return lambda desk, path, _query, form, reader: desk._answer(name, path, form, reader)


_DOES: Mapping[str, _Does] = {
    "search": Desk._search,
    "alert": Desk._alert,
    "patient_csv": Desk._csv,
    "patient_fhir": Desk._fhir,
    "patient_pdf": Desk._pdf,
    **{name: _answering(name) for name in _ANSWERS},
}
