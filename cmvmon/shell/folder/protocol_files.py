"""Protocol and priors files on disk and in the package, read into a Protocol: what `cmvmon.Protocol` stands for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from cmvmon import protocol as policy
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.protocol import read_protocol
from cmvmon.rules import needed_numbers
from cmvmon.shell.basis.files import read_text

SHIPPED = "icu_cmv_2024.toml"


class Protocol(policy.Protocol):
    """One clinical policy, and where to get one: `Protocol.shipped()`, `Protocol.read(path_or_text)`.

    >>> Protocol.shipped().version
    'icu_cmv_2024.12'
    """

    @classmethod
    def shipped(cls, *, priors: Path | None = None) -> Protocol:
        """The protocol that ships with the package, with its priors. It is an example, signed by nobody.

        `priors`: a folder whose priors files must be good too, as a site's are.
        """
        text = resources.files("cmvmon.protocol").joinpath(SHIPPED).read_text(encoding="utf-8")
        return cls._of(text, SHIPPED, packaged_priors() if priors is None else priors_with(priors))

    @classmethod
    def read(cls, path_or_text: str | Path, *, priors: Path | None = None) -> Protocol:
        """The protocol of a file, or of a text (a string of several lines), held against every rule.

        Args:
            path_or_text: a path, or the TOML itself.
            priors: a folder of priors files, besides those of the package; without it `priors/` beside the file.

        Raises:
            ProtocolError: the file is no usable protocol: every fault, with its stanza and key.
            SiteError: there is no such file.

        >>> text = Protocol.read("version = 'mine'\\ntitle = 'of one stanza'")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        cmvmon.domain.errors.ProtocolUnusable: protocol/text can't be used; nothing was assessed. Mend these and start again:
        ...
        """
        if isinstance(path_or_text, str) and "\n" in path_or_text:
            return cls._of(path_or_text, "text", packaged_priors() if priors is None else priors_with(priors))
        path = Path(path_or_text)
        return cls._of(utf8_text(path), path.name, priors_with(priors or path.parent / "priors"))

    @classmethod
    def of_text(cls, text: str, *, name: str, priors: dict[str, str]) -> Protocol:
        """The protocol of a text that is called `name` in messages, with the texts of priors by name. Raises ProtocolError."""
        return cls._of(text, name, priors)

    @classmethod
    def _of(cls, text: str, name: str, priors: dict[str, str]) -> Protocol:
        found = _read(text, name, tuple(sorted(priors.items())))
        return cls(**{name: getattr(found, name) for name in found.__dataclass_fields__})


@lru_cache(maxsize=16)  # by the texts themselves: a file that was changed is read anew
def _read(text: str, name: str, priors: tuple[tuple[str, str], ...]) -> policy.Protocol:
    return read_protocol(
        text, name=name, rules=needed_numbers(), priors=dict(priors), resistance=packaged_resistance_tables()
    )


def packaged_priors() -> dict[str, str]:
    """The texts of the package's priors files, by name."""
    folder = resources.files("cmvmon.protocol").joinpath("priors")
    return {name: file.read_text(encoding="utf-8") for file in folder.iterdir() for name in _names(file.name)}


@cache
def packaged_resistance_tables() -> dict[str, str]:
    """The texts of the package's tables of resistance mutations and of their overrides, by name."""
    folder = resources.files("cmvmon.protocol").joinpath("resistance")
    files = (file for file in folder.iterdir() if file.name.endswith(".tsv"))
    return {file.name.removesuffix(".tsv"): file.read_text(encoding="utf-8") for file in files}


def priors_with(folder: Path) -> dict[str, str]:
    """The package's priors and those of a folder, which may not exist. Raises ProtocolError for one name with two texts."""
    packaged = packaged_priors()
    own = {path.stem: utf8_text(path) for path in sorted(folder.glob("*.toml"))}
    changed = sorted(name for name, text in own.items() if packaged.get(name, text) != text)
    if changed:
        raise ProtocolError(
            f"protocol/priors/{changed[0]}.toml has the name of the package's priors and other numbers; "
            "give it a name of its own"
        )
    return packaged | own


def utf8_text(path: Path) -> str:
    """The text of a file. Raises SiteError when there is none, or it is not UTF-8."""
    if not path.is_file():
        raise SiteError(f"{path.name} is no file; name one that exists")
    return read_text(path)


def _names(file: str) -> Iterator[str]:
    if file.endswith(".toml"):
        yield file.removesuffix(".toml")
