"""A site: the directory that holds one hospital's files, database and pages. Its files win over the package's."""

from __future__ import annotations

import secrets
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.errors import ProtocolError, ProtocolUnusable, SiteError
from cmvmon.shell import dialects
from cmvmon.shell.basis.files import FOLDER_MODE, read_text, write_atomically
from cmvmon.shell.folder.setting_values import name_of, number_of
from cmvmon.shell.store import database
from cmvmon.text import codes

if TYPE_CHECKING:  # read only by the methods that need them: a command that lists alerts starts without them
    from cmvmon.feeds.laboratory import Laboratory
    from cmvmon.feeds.patient_numbers import NumberForm
    from cmvmon.feeds.table_file import TableFile
    from cmvmon.shell.folder.protocol_files import Protocol

SETTINGS = "settings.toml"
PAGE_KEY = "page.key"
TABLE_FILES = "tables"
_LIVE = "live"  # `demo` of a live demo
FOLDERS = ("labs", TABLE_FILES, "protocol", "drop", "landing", "pages")
_SETTINGS = {
    "time_zone": "Europe/Amsterdam",
    "language": "nl",
    "demo": False,
    "method": words.METHOD[-1],
    "database": "",
    "file_settles_s": 10,
    "longest_pause_days": 7,
    "patient_number_authority": "",
    "metrics_port": 0,
    "metrics_file": "",
    "handed_to": "",
}


@dataclass(frozen=True)
class Settings:
    """What settings.toml says: the ward's time zone, the pages' first language, whether the data are a demo's, how the
    decline is estimated, and where the database is (the site's SQLite file unless a server is named).

    `takes_history`: whether what comes counts as known since it was reported: a demo's does, a live demo's since it came, by a
    simulated clock, and a ward's too.
    `delivered_zone`: the zone of delivered times without an offset: the ward's, where settings.toml states one. A default
    is no statement.
    `file_settles_s`: for how many seconds a file in the drop folder must have lain still before it is read.
    `patient_number_authority`: who gives the site's own patients' numbers; "" = not said.
    `metrics_port`, `metrics_file`: where `cmvmon watch` shows how the feeds stand (cmvmon.run.checks.metrics); 0 and None = nowhere.
    `handed_to`: who answers for patients who have left the ICU, as pages name it; "" = nobody is named.
    `longest_pause_days`: how far the clock may stand past the last recorded moment before somebody is asked.
    """

    time_zone: str
    delivered_zone: ZoneInfo | None
    language: str
    is_demo: bool
    takes_history: bool
    method: str
    database: sa.URL
    file_settles_s: float
    longest_pause_days: float
    patient_number_authority: str = ""
    metrics_port: int = 0
    metrics_file: Path | None = None
    handed_to: str = ""


@dataclass(frozen=True)
class Site:
    """Paths of one site. Making the object touches nothing; `prepare` makes the folders."""

    root: Path

    @property
    def database(self) -> sa.URL:
        """Where its rows are. Raises SiteError when settings.toml can't be used."""
        return self.settings().database

    @property
    def file(self) -> Path:
        """Where its SQLite file is, or would be."""
        return self.root / "cmvmon.sqlite"

    @property
    def drop(self) -> Path:
        return self.root / "drop"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def pages(self) -> Path:
        return self.root / "pages"

    @property
    def lock(self) -> Path:
        return self.root / ".nightly.lock"

    def prepare(self) -> Site:
        """Makes the folders that are missing. Raises SiteError where it can't."""
        try:
            self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            for folder in FOLDERS:
                (self.root / folder).mkdir(mode=FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise SiteError(
                f"the site's directory can't be made or written ({error.strerror}); name another with --site"
            ) from error
        return self

    def require(self) -> Site:
        """This site, if its database exists. Raises SiteError where there is nothing to read yet, StoreError where the
        database's server can't be asked."""
        if not database.exists(self.database):
            raise SiteError(
                "this site has no database yet; run `cmvmon nightly` or `cmvmon ingest` first, or name another with --site"
            )
        return self

    def settings(self) -> Settings:
        """settings.toml, or its defaults. Raises SiteError for an unknown key, zone or value."""
        path = self.root / SETTINGS
        given = _toml(path, SETTINGS) if path.exists() else {}
        unknown = sorted(set(given) - set(_SETTINGS))
        if unknown:
            raise SiteError(f"settings.toml: unknown key {', '.join(unknown)}; known are {', '.join(_SETTINGS)}")
        merged = _SETTINGS | given
        zone = str(merged["time_zone"])
        try:
            ward = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SiteError(
                f"settings.toml: time_zone {zone!r} is not an IANA zone, such as Europe/Amsterdam"
            ) from error
        if merged["language"] not in codes():
            raise SiteError(f"settings.toml: language must be one of {', '.join(codes())}")
        if not isinstance(merged["demo"], bool) and merged["demo"] != _LIVE:
            raise SiteError(f'settings.toml: demo must be true or false, without quotes, or "{_LIVE}"')
        if merged["method"] not in words.METHOD:
            raise SiteError(f"settings.toml: method must be one of {', '.join(words.METHOD)}")
        if merged["database"] == "":
            at = sa.URL.create("sqlite", database=str(self.file.absolute()))  # whatever folder the process goes to
        else:
            at = dialects.url(str(merged["database"]), called="settings.toml: database")
        return Settings(
            zone,
            ward if "time_zone" in given else None,
            str(merged["language"]),
            merged["demo"] is not False,
            merged["demo"] is True,
            str(merged["method"]),
            at,
            number_of(merged, "file_settles_s", "seconds", 0, 600),
            number_of(merged, "longest_pause_days", "days", 1, 366),
            _authority(merged["patient_number_authority"]),
            int(number_of(merged, "metrics_port", "a port", 0, 65535)),
            self._metrics_file(merged["metrics_file"]),
            name_of(merged["handed_to"], "handed_to"),
        )

    def _metrics_file(self, found: object) -> Path | None:
        if not isinstance(found, str) or (found and not found.endswith(".prom")):
            raise SiteError("settings.toml: metrics_file must be the name of a file that ends in .prom, in quotes")
        return self.root / found if found else None

    def protocol(self) -> Protocol:
        """The protocol that judges this site (cmvmon.shell.folder.in_force). Raises ProtocolUnusable, StoreError."""
        from cmvmon.shell.folder.in_force import judging

        return judging(self).protocol

    def protocol_file(self) -> Protocol:
        """What the site's protocol file holds, else the package's, whether it judges or not. Raises ProtocolUnusable."""
        from cmvmon.shell.folder.protocol_files import Protocol

        try:
            own = self._own_protocol()
            return Protocol.read(own, priors=self._priors) if own else Protocol.shipped(priors=self._priors)
        except ProtocolUnusable:
            raise
        except (ProtocolError, SiteError) as error:  # of its priors, its encoding, or that there are two
            raise ProtocolUnusable(str(error), ("protocol",)) from error

    def protocol_file_place(self) -> str:
        """Where that file stands: in the site, else in the package."""
        from cmvmon.shell.folder.protocol_files import SHIPPED

        own = self._own_protocol()
        return f"{self.root.name}/protocol/{own.name}" if own else f"cmvmon/protocol/{SHIPPED}"

    def _own_protocol(self) -> Path | None:
        own = sorted((self.root / "protocol").glob("*.toml"))
        if len(own) > 1:
            raise ProtocolError(
                f"protocol/ holds {len(own)} files ({', '.join(p.name for p in own)}); leave the signed one"
            )
        return own[0] if own else None

    def priors_names(self) -> frozenset[str]:
        """The versions of priors that the package and this site hold."""
        from cmvmon.shell.folder.protocol_files import priors_with

        return frozenset(priors_with(self._priors))

    @property
    def _priors(self) -> Path:
        return self.root / "protocol" / "priors"

    def laboratory(self, feed: str) -> Laboratory | None:
        """The laboratory file of a feed: the site's, else the package's; None where neither has one."""
        from cmvmon.feeds.laboratory import read_laboratory

        own = self.root / "labs" / f"{feed}.toml"
        if own.exists():
            read = read_laboratory(read_text(own), name=feed)
            return replace(read, patient_numbers=self._numbers_here(read.patient_numbers))
        packaged = resources.files("cmvmon.feeds").joinpath("labs", f"{feed}.toml")
        if packaged.is_file():
            return read_laboratory(packaged.read_text(encoding="utf-8"), name=feed)
        return None

    def table_file(self, feed: str, *, drugs: frozenset[str] | None = None) -> TableFile | None:
        """The table file of a feed, `tables/<feed>.toml`; None where the site has none. `drugs`: those of the protocol."""
        from cmvmon.feeds.table_file import read_table_file

        own = self.root / TABLE_FILES / f"{feed}.toml"
        if not own.exists():
            return None
        known = frozenset(self.protocol().drugs) if drugs is None else drugs
        read = read_table_file(read_text(own), name=feed, drugs=known)
        return replace(read, patient_numbers=self._numbers_here(read.patient_numbers))

    def _numbers_here(self, form: NumberForm | None) -> NumberForm | None:
        from cmvmon.feeds.patient_numbers import with_sites_own

        is_named = form is not None and form.authority
        return with_sites_own(form, self.settings().patient_number_authority) if is_named else form

    def table_files(self) -> list[TableFile]:
        """Every table file of the site, by name."""
        names = sorted(path.stem for path in (self.root / TABLE_FILES).glob("*.toml"))
        drugs = frozenset(self.protocol().drugs) if names else frozenset()
        return [file for name in names if (file := self.table_file(name, drugs=drugs)) is not None]

    def laboratories(self) -> list[Laboratory]:
        """Every laboratory file of the site, and those of the package that it does not replace."""
        names = {path.stem for path in (self.root / "labs").glob("*.toml")}
        packaged = resources.files("cmvmon.feeds").joinpath("labs")
        names |= {item.name.removesuffix(".toml") for item in packaged.iterdir() if item.name.endswith(".toml")}
        return [laboratory for name in sorted(names) if (laboratory := self.laboratory(name)) is not None]

    def state_an_authority(self) -> frozenset[str]:
        """The laboratories whose file says who gives their patients' numbers. One that can't be read says nothing."""
        stated = set()
        for path in sorted((self.root / "labs").glob("*.toml")):
            try:
                laboratory = self.laboratory(path.stem)
            except (ProtocolError, SiteError):
                continue
            if laboratory is not None and laboratory.patient_numbers and laboratory.patient_numbers.authority:
                stated.add(laboratory.laboratory)
        return frozenset(stated)

    def page_key(self) -> bytes:
        """The secret that makes page names opaque; made once, kept in the site."""
        path = self.root / PAGE_KEY
        if not path.exists():
            write_atomically(path, secrets.token_hex(32).encode(), mode=0o600)
        return path.read_bytes()


def _authority(found: object) -> str:
    from cmvmon.feeds.patient_numbers import is_authority

    if found != "" and not (isinstance(found, str) and is_authority(found)):
        raise SiteError(
            "settings.toml: patient_number_authority must be a name of letters, digits, - and _, as in [patient_ids] of a feed"
        )
    return str(found)


def _toml(path: Path, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"{name}: not valid TOML ({error}); mend that line") from error
