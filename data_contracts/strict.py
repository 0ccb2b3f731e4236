"""A contract's YAML taken at its word: a key that is unknown, doubled or of the wrong kind is an error."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import Any

from cmvmon.domain.errors import ContractBroken


@cache
def _loader() -> Any:
    """YAML's safe loader, which would let the last of two equal keys win; here that is an error."""
    import yaml  # comes with an extra

    # The one on libyaml reads a contract ten times faster; it is missing where PyYAML was built without it.
    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(safe):  # type: ignore[misc]
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            keys = [key.value for key, _ in node.value]
            doubled = sorted({str(key) for key in keys if keys.count(key) > 1})
            if doubled:
                raise ContractBroken(
                    f"line {node.start_mark.line + 1} of the contract: {', '.join(doubled)} stands there twice; keep one"
                )
            built: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return built

    return Loader


def document(contract: str) -> dict[str, Any]:
    """The mapping that a contract's text holds."""
    import yaml

    try:
        loaded = yaml.load(contract, Loader=_loader())  # noqa: S506 -- it is a SafeLoader
    except yaml.YAMLError as error:
        raise ContractBroken(f"the contract is not YAML: {error}; mend the file") from error
    return mapping(loaded, "the contract")


def unmapped(where: str, what: str) -> ContractBroken:
    """The error for anything that a table can't be held to."""
    return ContractBroken(f"{where}: can't map {what}; mend the contract, or teach data_contracts to map it")


def mapping(value: object, where: str) -> dict[str, Any]:
    """`value`, if it is a mapping from words."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise unmapped(where, "what stands there: it must be a mapping")
    return value


def sequence(value: object, where: str) -> list[Any]:
    """`value`, if it is a list."""
    if not isinstance(value, list):
        raise unmapped(where, "what stands there: it must be a list")
    return value


def only(given: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    """Nothing, if every key is allowed."""
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise unmapped(where, f"the key {', '.join(map(repr, unknown))}")


def must_be(given: Mapping[str, Any], key: str, expected: str, where: str) -> None:
    """Nothing, if `key` holds `expected`."""
    if given.get(key) != expected:
        raise unmapped(where, f"{key} {given.get(key)!r}: it must be {expected!r}")


def text(given: Mapping[str, Any], key: str, where: str) -> str:
    """The text under `key`, which is not empty."""
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise unmapped(where, f"{key} {value!r}: it must be text")
    return value


def words(given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The list of words under `key`, which is not empty."""
    values = sequence(given.get(key), f"{where}, {key}")
    if not values or not all(isinstance(value, str) for value in values):
        raise unmapped(where, f"{key}: it must be a list of words")
    return tuple(values)


def count(given: Mapping[str, Any], key: str, where: str) -> int:
    """The whole number under `key`, 0 or more."""
    value = given.get(key)
    if type(value) is not int or value < 0:
        raise unmapped(where, f"{key} {value!r}: it must be a whole number")
    return value
