"""A night that is copied holds what a night of its own leaves, and one that could differ is played."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.data_contracts import gate
from cmvmon.run.nightly import night
from cmvmon.shell.store import session
from tests import nights, sites
from tests.sites import day, drop, everything, page_bytes, result

NIGHT = day(22)


def ward(root: Path) -> Path:
    sites.ward_of_three(root)
    (root / "page.key").write_bytes(b"0" * 64)  # the secret that names pages: the same for all
    return root


def files(root: Path) -> set[str]:
    """Every file of a site by its place."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_night_that_is_copied_leaves_the_rows_the_pages_and_the_next_night_that_one_of_its_own_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "gate", gate.live_gate)
    played: list[Path] = []
    real = night.nightly

    def noted(root: Path, **named: Any) -> night.Night:
        played.append(root)
        return real(root, **named)

    first, copied, own = (ward(tmp_path / name) for name in ("first", "copied", "own"))
    monkeypatch.setattr(night, "nightly", noted)
    done = [nights.nightly(root, as_of=NIGHT) for root in (first, copied)]
    assert played in ([first], [])  # another file's tests may have played it
    assert done == [real(own, as_of=NIGHT)] * 2
    for root in (first, copied, own):
        assert everything(root) == everything(own)
        assert page_bytes(root) == page_bytes(own) != {}
        assert files(root) == files(own)
        drop(root, "viral_load_results", [result("SYNTHETIC-ONE", 22.5, 900)], name="two.csv")
    later = [nights.nightly(root, as_of=day(23)) for root in (first, copied)]
    assert later == [real(own, as_of=day(23))] * 2
    assert everything(first) == everything(copied) == everything(own)


def another_file(root: Path) -> None:
    drop(root, "viral_load_results", [result("SYNTHETIC-ONE", 1, 900)], name="two.csv")


def a_link(root: Path) -> None:
    (root / "more").symlink_to(root / "drop")


def a_server(root: Path) -> None:
    (root / "settings.toml").write_text('database = "postgresql+psycopg://cmvmon@/x"\n', "utf-8")


def a_mode(root: Path) -> None:
    (root / "page.key").chmod(0o644)


@pytest.mark.parametrize("differs", [another_file, a_link, a_server, a_mode])
def test_a_site_with_anything_else_below_it_is_another_night_or_none(
    differs: Callable[[Path], None], tmp_path: Path
) -> None:
    one, two = ward(tmp_path / "one"), ward(tmp_path / "two")
    for root in (one, two):
        (root / "page.key").chmod(0o600)
    assert nights._key(one, NIGHT, None) == nights._key(two, NIGHT, None) is not None
    differs(two)
    assert nights._key(one, NIGHT, None) != nights._key(two, NIGHT, None)


def test_another_moment_method_or_judge_is_another_night_and_another_clock_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ward(tmp_path)
    keys = [nights._key(root, NIGHT, None), nights._key(root, NIGHT, "line")]
    keys.append(nights._key(root, NIGHT + timedelta(hours=1), None))
    other = gate.gate if gate.gate is not gate.live_gate else gate.of_every_night  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr(gate, "gate", gate.live_gate if gate.gate is other else other)
        keys.append(nights._key(root, NIGHT, None))
    assert len({*keys}) == 4
    called = []
    monkeypatch.setattr(night, "nightly", lambda root, **named: called.append(named))
    monkeypatch.setattr(session, "now", lambda: day(30))
    nights.nightly(root, as_of=NIGHT)
    nights.nightly(root, as_of=NIGHT)
    assert len(called) == 2
