"""A transfer from the ICU to another ward hands over as a discharge does, however a hospital tells of it; a move within the ICU does not.

One made-up patient with an alert of `response` (tier 2) that nobody has acknowledged. A row is a night: its day, the ward that she went
to before it and when, how the alert stands after it, what the ward page says of her, and how often who takes over has been told.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cmvmon.run.messages.telling import tell
from tests import sites
from tests.feeds.hl7_told_texts import TEXT, adt, file_of
from tests.nights import nightly
from tests.sites import course, day, drop, nights_of, result

WHO, FEED = "SYNTH-1", "hospital"
TOLD = 'tier_1_to = ["taker"]\nwork_to = ["work"]\nleft_to = ["taker"]\n' + "".join(
    f'[channels.{name}]\nkind = "file"\npath = "{name}.ndjson"\n' for name in ("taker", "work")
)
# A hospital that lists the stays of all its wards: which of them are the ICU is said by `only`.
WHOLE_HOSPITAL = f"""feed = "{FEED}"
description = "Made-up hospital"
[icu_stays]
only_column = "Ward"
only = ["IC1", "IC2"]
[icu_stays.columns]
stay_id = "Number"
patient_id = "Patient"
admitted_at = "From"
discharged_at = "Until"
ward = "Ward"
"""
Went = list[tuple[float, str]]  # when she came to which ward, in order


def by_messages(root: Path, went: Went) -> None:
    """ADT A01 for the first ward, A02 for each other."""
    at, ward = went[-1]
    moment = day(at).strftime("%Y%m%d%H%M%S+0000")
    message = adt("A01" if len(went) == 1 else "A02", recorded=moment, happened=moment, ward=ward, patient=WHO)
    _put(root, f"{at}.hl7", file_of(message))


def by_movements(root: Path, went: Went) -> None:
    """A file of movements, which says of each whether it was to the ICU."""
    at, ward = went[-1]
    unit = "icu" if ward.startswith("IC") else "elsewhere"
    move, moment = "admission" if len(went) == 1 else "transfer", sites.text(day(at))
    head = "patient_id,visit_number,movement,stated_at,moved_at,unit,ward,bed,n_movements"
    _put(root, f"patient_movements/{at}.csv", f"{head}\n{WHO},V1,{move},{moment},{moment},{unit},{ward},,\n".encode())


def by_whole_hospital(root: Path, went: Went) -> None:
    """One row for each ward that she lay on."""
    ends = [sites.text(day(at)) for at, _ in went[1:]] + [""]
    lines = [
        f"{n},{WHO},{sites.text(day(at))},{end},{ward}"
        for n, ((at, ward), end) in enumerate(zip(went, ends, strict=True))
    ]
    text = "\n".join(["Number,Patient,From,Until,Ward", *lines, ""])
    _put(root, f"icu_stays/{len(went)}.csv", text.encode())


SENDERS: dict[str, tuple[Callable[[Path, Went], None], str | None]] = {
    "messages": (by_messages, TEXT.replace('feed = "example_adt"', f'feed = "{FEED}"')),
    "movements": (by_movements, None),
    "the stays of the whole hospital": (by_whole_hospital, WHOLE_HOSPITAL),
}
TABLE = """
    night | went to  | alert    | page   | told
    14.5  | IC1 -5   | new      | in bed | 0
    15.5  | IC2 15   | new      | in bed | 0
    16.5  | B4 16    | new      | left   | 1
    20.5  | -        | notified | left   | 1
    30.5  | IC1 30   | notified | in bed | 1
    31.5  | IC2 31   | notified | in bed | 1
    33.5  | B4 33    | notified | left   | 2
    36.5  | SEH 36   | notified | left   | 2
"""


@pytest.mark.parametrize("sender", SENDERS)
def test_a_transfer_out_of_the_icu_hands_over_and_a_move_within_it_does_not(tmp_path: Path, sender: str) -> None:
    tells_of, table_file = SENDERS[sender]
    (tmp_path / "notify.toml").write_text(TOLD, "utf-8")
    (tmp_path / "settings.toml").write_text('language = "en"\n', "utf-8")
    if table_file is not None:
        (tmp_path / "tables").mkdir()
        (tmp_path / "tables" / f"{FEED}.toml").write_text(table_file, "utf-8")
    drop(tmp_path, "antiviral_courses", [course(WHO, start=0.1)])
    drop(tmp_path, "viral_load_results", [result(WHO, at, 50_000, specimen="plasma") for at in (0, 7, 14)])
    went: Went = []
    found, expected = [], []
    for night, (to, *expects) in nights_of(TABLE):
        if to != "-":
            ward, at = to.split()
            went.append((float(at), ward))
            tells_of(tmp_path, went)
        assert nightly(tmp_path, as_of=day(night)).taken_in.faults == ()
        stands = [_alert(tmp_path), _page(tmp_path)]
        for later in (0, 0.01):
            tell(tmp_path, at=day(night + later))
        found.append([f"{night:g}", *stands, str(_told(tmp_path))])
        expected.append([f"{night:g}", *expects])
    assert found == expected


def _put(root: Path, name: str, content: bytes) -> None:
    path = root / "drop" / FEED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sites.lain_still(path)


def _alert(root: Path) -> str:
    query = "SELECT standing, cause FROM alert_events WHERE rule = 'response' ORDER BY alert_id, sequence"
    standing, cause = sites.rows(root, query)[-1]
    return str(standing or cause)


def _page(root: Path) -> str:
    page = (root / "pages" / "ward.en.html").read_text("utf-8")
    if WHO not in page:
        return "-"
    return "left" if "left " in sites.unmarked(page).split("</table>")[0].split("<table")[-1] else "in bed"


def _told(root: Path) -> int:
    path = root / "taker.ndjson"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return sum("about a patient who has left" in json.loads(line)["subject"] for line in lines)
