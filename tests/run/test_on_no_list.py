"""A patient with results who is on no list, for want of stays: counted on the page and told by the night. Silence is no answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmvmon.run.nightly.night import Night, nightly
from cmvmon.run.ward.ward_list import LISTED_FOR
from tests import sites
from tests.sites import day, result, stay

OLD, NEW = "SYNTH-1", "SYNTH-2"
LATER = day(1) + LISTED_FOR + timedelta(hours=1)
SAID = {
    "en": "Not listed: 1 patient with results, of whom nothing came for 28 days; no stays were delivered.",
    "nl": "Niet in de lijst: 1 patiënt met uitslagen, van wie 28 dagen niets kwam; opnames zijn nooit aangeleverd.",
}


def ward(root: Path, code: str) -> str:
    return sites.unmarked((root / "pages" / f"ward.{code}.html").read_text("utf-8"))


def two_nights(root: Path) -> Night:
    """The later of two, a month apart; of one patient a result came before the first, of another before the second."""
    sites.drop(root, "viral_load_results", [result(OLD, 1, 1000)])
    nightly(root, as_of=day(2))
    assert not any(said in ward(root, code) for code, said in SAID.items())
    sites.drop(root, "viral_load_results", [result(NEW, LISTED_FOR.days, 1000)], name="later.csv")
    return nightly(root, as_of=LATER)


def test_where_no_stays_are_delivered_whoever_dropped_off_the_list_is_counted_on_it(tmp_path: Path) -> None:
    assert two_nights(tmp_path).published.n_off_list == 1
    for code, said in SAID.items():
        assert said in ward(tmp_path, code)
        assert NEW in ward(tmp_path, code)
        assert OLD not in ward(tmp_path, code)


def test_where_stays_are_delivered_somebody_who_was_discharged_is_missed_by_nobody(tmp_path: Path) -> None:
    sites.drop(tmp_path, "icu_stays", [stay(OLD, end=3), stay(NEW)])
    assert two_nights(tmp_path).published.n_off_list == 0
    assert "Not listed" not in ward(tmp_path, "en")
