"""The parts of the board's paths: a language, an opaque name, a script. A path that fits none of them is no page."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor

from cmvmon.text import codes


class _Part(Convertor[str]):
    """A part of a path that is a text."""

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def know_parts_of_paths() -> None:
    """Lets Starlette read the paths of `cmvmon.board.roles`."""
    for name, regex in (
        ("lang", "|".join(codes())),
        ("opaque", "[0-9a-f]{16,20}"),
        ("script", r"cmvmon-[0-9a-f]{16}\.js"),
    ):
        register_url_convertor(name, type("Part", (_Part,), {"regex": regex})())
