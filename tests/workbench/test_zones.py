"""A time without an offset in an analysis: read in the zone that somebody states, and set apart where nobody does."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow.parquet as pq
import pytest

import cmvmon
from cmvmon.domain.errors import SiteError
from cmvmon.simulate import ward
from cmvmon.workbench.analysis import analyze
from cmvmon.workbench.engines import spark_session
from cmvmon.workbench.engines.spark_run import analyze_on_spark
from cmvmon.workbench.folder_tables import zone_called
from cmvmon.workbench.noise_fit import fit_noise
from cmvmon.workbench.priors_fit import fit_priors
from tests.workbench.written import ALWAYS

HERE = "Europe/Amsterdam"
CMVMON = str(Path(sys.executable).parent / "cmvmon")
TABLES = ("viral_load_results", "antiviral_courses")
MADE = ward(6, 40, 5)
FORMS = ("csv", "parquet")


def put(folder: Path, form: str, *, zone: str | None, **also: pl.DataFrame) -> Path:
    """The ward with its times as the clocks of `zone` show them, without an offset; None = as moments."""
    folder.mkdir()
    for name in TABLES:
        frame = also.get(name, getattr(MADE, name))
        moments = [column for column, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        if zone is not None:
            local = pl.col(moments).dt.convert_time_zone(zone).dt.replace_time_zone(None)
            frame = frame.with_columns(local)
        if form == "csv":
            mark = "Z" if zone is None else ""
            frame.write_csv(folder / f"{name}.csv", datetime_format=f"%Y-%m-%dT%H:%M:%S%.6f{mark}")
        else:
            frame.write_parquet(folder / f"{name}.parquet")
    return folder


def tables(folder: Path) -> list[pl.DataFrame]:
    return [pl.read_parquet(folder / f"{name}.parquet") for name in ALWAYS]


@pytest.mark.parametrize("form", FORMS)
def test_local_times_in_a_stated_zone_give_what_their_moments_give(form: str, tmp_path: Path) -> None:
    """By the option or by the site's settings; the option goes first."""
    analyze(put(tmp_path / "moments", form, zone=None), tmp_path / "want", root=tmp_path / "none")
    local = put(tmp_path / "local", form, zone=HERE)
    site = tmp_path / "site"
    site.mkdir()
    (site / "settings.toml").write_text(f'time_zone = "{HERE}"\n', encoding="utf-8")
    analyze(local, tmp_path / "stated", root=tmp_path / "none", zone=HERE)
    analyze(local, tmp_path / "of the site", root=site)
    (site / "settings.toml").write_text('time_zone = "UTC"\n', encoding="utf-8")
    analyze(local, tmp_path / "first", root=site, zone=HERE)
    analyze(local, tmp_path / "as utc", root=site)
    want = tables(tmp_path / "want")
    for out in ("stated", "of the site", "first"):
        assert all(one.equals(other) for one, other in zip(tables(tmp_path / out), want, strict=True)), out
    assert not tables(tmp_path / "as utc")[0].equals(want[0])


@pytest.mark.parametrize("form", FORMS)
def test_where_nobody_states_a_zone_no_local_time_is_taken_for_utc(form: str, tmp_path: Path) -> None:
    source, n = put(tmp_path / "in", form, zone=HERE), MADE.viral_load_results.height
    with pytest.raises(
        SiteError, match=rf"\(set apart: {n} time_without_zone\).* Say with --zone \(Europe/Amsterdam, UTC\)"
    ):
        analyze(source, tmp_path / "out", root=tmp_path / "site")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SiteError, match="zone is 'Amsterdam', which is no IANA time zone"):
        analyze(source, tmp_path / "out", root=tmp_path / "site", zone="Amsterdam")


@pytest.mark.parametrize("form", FORMS)
def test_a_local_time_that_was_skipped_or_shown_twice_is_set_apart(form: str, tmp_path: Path) -> None:
    shown = pl.Series([datetime(2024, 3, 31, 2, 30, tzinfo=UTC), datetime(2024, 10, 27, 2, 30, tzinfo=UTC)])
    both = MADE.viral_load_results.head(2).with_columns(collected_at=shown)
    rest = MADE.viral_load_results.slice(2)
    moved = rest.with_columns(pl.col("collected_at").dt.convert_time_zone(HERE).dt.replace_time_zone("UTC"))
    source = put(tmp_path / "in", form, zone="UTC", viral_load_results=pl.concat([both, moved]))
    analyze(source, tmp_path / "out", root=tmp_path / "site", zone=HERE)
    apart = tables(tmp_path / "out")[ALWAYS.index("quarantined")].filter(table_name="viral_load_results")
    assert apart.select("reason", "column").rows() == [
        ("time_does_not_exist", "collected_at"),
        ("time_is_ambiguous", "collected_at"),
    ]


@pytest.mark.slow
def test_the_command_says_of_which_tables_rows_lack_an_offset_and_what_reads_them(tmp_path: Path) -> None:
    source = put(tmp_path / "in", "csv", zone=None)
    local = put(tmp_path / "local", "csv", zone=HERE)
    (local / "antiviral_courses.csv").rename(source / "antiviral_courses.csv")

    def said(*words: str) -> str:
        command = [CMVMON, "analyze", str(source), "--out", str(tmp_path / "out"), "--replace", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=tmp_path, check=True)
        return done.stderr

    n = MADE.antiviral_courses.height
    assert f"antiviral_courses: {n} rows set apart, whose times have no offset. Say with --zone" in said()
    assert said("--zone", HERE, "--as-of", "2024-02-05T12:00") == ""  # so is a moment that is typed without one


@pytest.mark.slow
def test_on_an_engine_local_times_are_read_as_here(tmp_path: Path) -> None:
    source = put(tmp_path / "in", "parquet", zone=HERE)
    with spark_session._sail() as remote:
        asked = {"remote": remote, "root": tmp_path / "site"}
        with pytest.raises(SiteError, match=r"time_without_zone.* Say with --zone"):
            analyze_on_spark(str(source), str(tmp_path / "out"), **asked)  # type: ignore[arg-type]
        analyze_on_spark(str(source), str(tmp_path / "out"), zone=HERE, **asked)  # type: ignore[arg-type]
    analyze(source, tmp_path / "here", root=tmp_path / "site", zone=HERE)
    weeks, verdicts = (
        pl.read_parquet(tmp_path / "here" / f"{name}.parquet") for name in ("weekly_decline", "verdicts")
    )
    for name, ours in (("weekly_decline", weeks), ("verdicts", verdicts)):
        theirs = pl.read_parquet(tmp_path / "out" / f"{name}.parquet" / "*.parquet")
        theirs = theirs.select(ours.columns).cast(ours.schema)
        assert theirs.sort(ours.columns).equals(ours.sort(ours.columns))
        assert ours.height


def test_frames_of_a_notebook_are_read_alike() -> None:
    local = {
        name: getattr(MADE, name).with_columns(
            pl.col(pl.Datetime("us", "UTC")).dt.convert_time_zone(HERE).dt.replace_time_zone(None)
        )
        for name in TABLES
    }
    results, courses = (local[name] for name in TABLES)
    told, want = cmvmon.read(local, zone=HERE), cmvmon.read({name: getattr(MADE, name) for name in TABLES})
    assert all(told.tables[name].equals(want.tables[name]) for name in TABLES)
    weeks = cmvmon.weekly_decline(MADE.viral_load_results, MADE.antiviral_courses, method="line")
    assert cmvmon.weekly_decline(results, courses, method="line", zone=HERE).equals(weeks)
    assert (
        cmvmon.weekly_decline(results.to_pandas(), courses.to_pandas(), method="line", zone=HERE).shape == weeks.shape
    )
    assert cmvmon.concordance(results, zone=HERE).equals(cmvmon.concordance(MADE.viral_load_results))
    with (
        pytest.warns(UserWarning, match=f"{results.height} time_without_zone; say with zone= in which zone"),
        pytest.raises(SiteError, match="no result can be used"),
    ):
        cmvmon.concordance(results)
    with pytest.raises(SiteError, match="no IANA time zone"):
        cmvmon.read(local, zone="")


@pytest.mark.parametrize("fit", [fit_noise, fit_priors])
def test_what_is_learned_from_a_folder_is_read_alike(fit: object, tmp_path: Path) -> None:
    made = {None: put(tmp_path / "moments", "csv", zone=None), HERE: put(tmp_path / "local", "csv", zone=HERE)}
    texts = []
    for zone, source in made.items():
        out = tmp_path / f"{source.name}-1.toml"
        fit(source, out, root=tmp_path / "site", zone=zone)  # type: ignore[operator]
        texts.append(out.read_text(encoding="utf-8").replace(f"{source.name}-1", ""))
    assert texts[0] == texts[1]
    with pytest.raises(SiteError, match="can be used"):
        fit(made[HERE], tmp_path / "none-1.toml", root=tmp_path / "site")  # type: ignore[operator]


def test_parquet_of_an_old_kind_knows_no_zone_and_is_read_as_it_is_told(tmp_path: Path) -> None:
    """INT96, as Spark writes it unless it is told otherwise: its moments are those of UTC, and the file does not say so."""
    source = put(tmp_path / "in", "parquet", zone=None)
    for name in TABLES:
        frame = getattr(MADE, name).to_arrow()
        pq.write_table(frame, source / f"{name}.parquet", use_deprecated_int96_timestamps=True, store_schema=False)
    with pytest.raises(SiteError, match="time_without_zone"):
        analyze(source, tmp_path / "none", root=tmp_path / "site")
    analyze(source, tmp_path / "out", root=tmp_path / "site", zone="UTC")
    analyze(put(tmp_path / "moments", "parquet", zone=None), tmp_path / "want", root=tmp_path / "site")
    assert tables(tmp_path / "out")[0].equals(tables(tmp_path / "want")[0])


@pytest.mark.parametrize("name", ["", "CEST", "../UTC", "/etc", "Europe", "Europe/Amsterdam ", "a\0b"])
def test_a_name_of_no_zone_is_refused_in_words(name: str) -> None:
    with pytest.raises(SiteError, match="no IANA time zone; give one such as Europe/Amsterdam"):
        zone_called(name)
    assert zone_called(HERE) == ZoneInfo(HERE)
    assert zone_called(None) is None
