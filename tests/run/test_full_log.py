"""The log of a watch or a board can't be written, for its disk is full: what comes is taken in, judged and shown as before."""

from __future__ import annotations

from pathlib import Path

from tests import sites
from tests.board import boards
from tests.full_logs import at_work_with_a_full_log, is_open, judged, wait
from tests.servers import free_port
from tests.sites import drop, falling


def test_a_watch_takes_in_judges_and_shows(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    with at_work_with_a_full_log("watch", tmp_path) as process:
        wait(process, lambda: len(judged(tmp_path)) == 3)
        drop(tmp_path, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
        wait(process, lambda: "SYNTHETIC-NEW" in judged(tmp_path))
        wait(process, lambda: any(b"SYNTHETIC-NEW" in page for page in sites.page_bytes(tmp_path).values()))


def test_a_board_signs_in_and_shows_a_patient(tmp_path: Path) -> None:
    root, port = boards.ward_of_two(tmp_path), free_port()
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {port}"))
    with at_work_with_a_full_log("board", root) as process:
        wait(process, lambda: is_open(port))
        found = boards.Served(process, port, []).signed_in("consultant").get("/ward.en.html")
    assert (found.status_code, boards.ON_A in found.text) == (200, True)
    assert "view_ward" in {row["event"] for row in boards.audit_rows(root)}
