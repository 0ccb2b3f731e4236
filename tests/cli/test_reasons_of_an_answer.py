"""`alerts ack` and `alerts snooze` without a reason list the reasons there are, once the alert is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.text.set_aside import reasons_for
from tests.calls import here
from tests.run.test_answering import NIGHT, judge, the_alert


@pytest.mark.parametrize("answer", ["ack", "snooze"])
@pytest.mark.parametrize("given", [(), ("--reason", ""), ("--reason", "because")])
def test_without_a_reason_every_one_is_listed_with_its_words_and_nothing_is_recorded(
    answer: str, given: tuple[str, ...], tmp_path: Path
) -> None:
    judge(tmp_path, NIGHT)
    done = here("alerts", answer, the_alert(tmp_path)["alert_id"], *given, site=tmp_path)
    assert done.returncode == 2, done.stderr
    said = done.stderr
    assert ("there is no reason 'because'" if "because" in given else "say why, by --reason CODE") in said
    assert [
        one.code for one in reasons_for(()).values() if f"{one.code} ({one.words['en']})" not in " ".join(said.split())
    ] == []
    assert "results_confirmed" not in said, "that answers an alert about a laboratory in doubt, and no other"
    assert the_alert(tmp_path)["standing"] == "new"


@pytest.mark.parametrize("answer", ["ack", "snooze"])
@pytest.mark.parametrize("given", [(), ("--reason", "because")])
def test_the_id_is_looked_at_first(answer: str, given: tuple[str, ...], tmp_path: Path) -> None:
    judge(tmp_path, NIGHT)
    done = here("alerts", answer, "nonsense", *given, site=tmp_path)
    assert done.returncode == 2
    assert "no alert has an id that begins with 'nonsense'" in " ".join(done.stderr.split())
    assert "the reasons are" not in done.stderr


@pytest.mark.parametrize(("once", "back"), [("--reason", "--why"), ("--why", "--reason")])
def test_with_a_reason_it_is_recorded_and_taken_back_by_either_name_of_the_option(
    once: str, back: str, tmp_path: Path
) -> None:
    judge(tmp_path, NIGHT)
    alert = the_alert(tmp_path)["alert_id"]
    done = here("alerts", "ack", alert, once, "dealt_with", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert the_alert(tmp_path)["standing"] == "acknowledged"
    done = here("alerts", "reopen", alert, back, "it was another bed", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert the_alert(tmp_path)["standing"] == "new"
