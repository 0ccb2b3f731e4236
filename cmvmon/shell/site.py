"""A site: the directory that holds one hospital's files, database and pages. Its files win over the package's."""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from cmvmon.domain import delivered, words
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.shell import database, dialects
from cmvmon.shell.files import write_atomically
from cmvmon.text import codes

if TYPE_CHECKING:  # read only by the methods that need them: a command that lists alerts starts without them
    from cmvmon.feeds.laboratory import Laboratory
    from cmvmon.protocol import Protocol

_PACKAGE_PROTOCOL = "icu_cmv_2024.toml"
_FOLDERS = ("labs", "protocol", "drop", "landing", "pages")
_SETTINGS = {
    "time_zone": "Europe/Amsterdam",
    "language": "nl",
    "demo": False,
    "method": words.METHOD[-1],
    "database": "",
}


@dataclass(frozen=True)
class Settings:
    """What settings.toml says: the ward's time zone, the pages' first language, whether the data are a demo's, how the
    decline is estimated, and where the database is (the site's SQLite file unless a server is named)."""

    time_zone: str
    language: str
    is_demo: bool
    method: str
    database: sa.URL


@dataclass(frozen=True)
class Dropped:
    """One file in the drop folder: `drop/<feed>/<table>/<name>.csv`."""

    path: Path
    feed: str
    table: str


@dataclass(frozen=True)
class Stray:
    """Files in the drop folder that nobody reads: `code` is not_csv, unknown_table or not_in_a_table."""

    feed: str
    table: str
    code: str
    n: int


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
            for folder in _FOLDERS:
                (self.root / folder).mkdir(parents=True, exist_ok=True)
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
        path = self.root / "settings.toml"
        given = _toml(path, "settings.toml") if path.exists() else {}
        unknown = sorted(set(given) - set(_SETTINGS))
        if unknown:
            raise SiteError(f"settings.toml: unknown key {', '.join(unknown)}; known are {', '.join(_SETTINGS)}")
        merged = _SETTINGS | given
        zone = str(merged["time_zone"])
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SiteError(
                f"settings.toml: time_zone {zone!r} is not an IANA zone, such as Europe/Amsterdam"
            ) from error
        if merged["language"] not in codes():
            raise SiteError(f"settings.toml: language must be one of {', '.join(codes())}")
        if not isinstance(merged["demo"], bool):
            raise SiteError("settings.toml: demo must be true or false, without quotes")
        if merged["method"] not in words.METHOD:
            raise SiteError(f"settings.toml: method must be one of {', '.join(words.METHOD)}")
        if merged["database"] == "":
            at = sa.URL.create("sqlite", database=str(self.file))
        else:
            at = dialects.url(str(merged["database"]), called="settings.toml: database")
        return Settings(zone, str(merged["language"]), merged["demo"], str(merged["method"]), at)

    def protocol(self) -> Protocol:
        """The site's protocol file, else the package's. Raises ProtocolError."""
        from cmvmon.protocol import read_protocol
        from cmvmon.rules import needed_numbers

        name, text = self._protocol_text()
        return read_protocol(text, name=name, rules=needed_numbers(), priors=self._priors())

    def protocol_hash(self) -> str:
        """SHA-256 of the texts of the protocol and of every priors file: two policies of one name are told apart."""
        priors = (f"{name}\n{text}" for name, text in sorted(self._priors().items()))
        return hashlib.sha256("\0".join([self._protocol_text()[1], *priors]).encode()).hexdigest()

    def _protocol_text(self) -> tuple[str, str]:
        own = sorted((self.root / "protocol").glob("*.toml"))
        if len(own) > 1:
            raise ProtocolError(
                f"protocol/ holds {len(own)} files ({', '.join(p.name for p in own)}); leave the signed one"
            )
        if own:
            return own[0].name, _text(own[0])
        text = resources.files("cmvmon.protocol").joinpath(_PACKAGE_PROTOCOL).read_text(encoding="utf-8")
        return _PACKAGE_PROTOCOL, text

    def priors_names(self) -> frozenset[str]:
        """The versions of priors that the package and this site hold."""
        return frozenset(self._priors())

    def _priors(self) -> dict[str, str]:
        """Texts of the priors files by name: the package's and the site's in protocol/priors. Raises ProtocolError."""
        folder = resources.files("cmvmon.protocol").joinpath("priors")
        packaged = {
            path.name.removesuffix(".toml"): path.read_text(encoding="utf-8")
            for path in folder.iterdir()
            if path.name.endswith(".toml")
        }
        own = {path.stem: _text(path) for path in sorted((self.root / "protocol" / "priors").glob("*.toml"))}
        changed = sorted(name for name, text in own.items() if packaged.get(name, text) != text)
        if changed:
            raise ProtocolError(
                f"protocol/priors/{changed[0]}.toml has the name of the package's priors and other numbers; "
                "give it a name of its own"
            )
        return packaged | own

    def laboratory(self, feed: str) -> Laboratory | None:
        """The laboratory file of a feed: the site's, else the package's; None where neither has one."""
        from cmvmon.feeds.laboratory import read_laboratory

        own = self.root / "labs" / f"{feed}.toml"
        if own.exists():
            return read_laboratory(_text(own), name=feed)
        packaged = resources.files("cmvmon.feeds").joinpath("labs", f"{feed}.toml")
        if packaged.is_file():
            return read_laboratory(packaged.read_text(encoding="utf-8"), name=feed)
        return None

    def laboratories(self) -> list[Laboratory]:
        """Every laboratory file of the site, and those of the package that it does not replace."""
        names = {path.stem for path in (self.root / "labs").glob("*.toml")}
        packaged = resources.files("cmvmon.feeds").joinpath("labs")
        names |= {item.name.removesuffix(".toml") for item in packaged.iterdir() if item.name.endswith(".toml")}
        return [laboratory for name in sorted(names) if (laboratory := self.laboratory(name)) is not None]

    def dropped(self) -> Iterator[Dropped]:
        """The CSV files in the drop folder, by name."""
        for feed, folder in self._drop_folders():
            if folder.name in delivered.NAMES:
                for path in sorted(folder.iterdir()):
                    if _is_csv(path):
                        yield Dropped(path, feed, folder.name)

    def strays(self) -> list[Stray]:
        """What lies in the drop folder and is not read, counted by place: names of files may be private."""
        found: Counter[tuple[str, str, str]] = Counter()
        for feed in sorted(self.drop.glob("*")):
            for item in sorted(feed.iterdir()) if feed.is_dir() else [feed]:
                if not item.is_dir():
                    found[feed.name if feed.is_dir() else "", "", "not_in_a_table"] += 1
                elif item.name not in delivered.NAMES:
                    found[feed.name, item.name, "unknown_table"] += 1
                else:
                    found[feed.name, item.name, "not_csv"] += sum(not _is_csv(path) for path in item.iterdir())
        return [Stray(feed, table, code, n) for (feed, table, code), n in sorted(found.items()) if n]

    def _drop_folders(self) -> Iterator[tuple[str, Path]]:
        for feed in sorted(path for path in self.drop.glob("*") if path.is_dir()):
            for folder in sorted(path for path in feed.iterdir() if path.is_dir()):
                yield feed.name, folder

    def page_key(self) -> bytes:
        """The secret that makes page names opaque; made once, kept in the site."""
        path = self.root / "page.key"
        if not path.exists():
            write_atomically(path, secrets.token_hex(32).encode(), mode=0o600)
        return path.read_bytes()


def _is_csv(path: Path) -> bool:
    return (
        path.is_file() and path.suffix.lower() == ".csv" and not path.name.startswith(".")
    )  # a dot: still being written


def _toml(path: Path, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"{name}: not valid TOML ({error}); mend that line") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SiteError(f"{path.name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
