"""Peak memory of `cmvmon analyze` in a process of its own: `python -m benchmarks.memory IN OUT [PARTITIONS]`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def peak_above_start(source: Path, *, partitions: int | None = None) -> float:
    """MiB that `analyze` on the tables in `source` takes above the same process after imports and kernel loading."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.memory",
            str(source),
            folder,
            *map(str, filter(None, [partitions])),
        ]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return float(said.split()[-1])


def peak_mib() -> float:
    """MiB that this process has held at most. Linux hands `ru_maxrss` of the parent on to it, but not VmHWM."""
    status = Path("/proc/self/status")
    if status.exists():
        (held,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(held) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def begin_peak() -> float:
    """Lets the peak begin anew (Linux), and gives the MiB that this process holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_mib()


def main(source: Path, out: Path, partitions: int | None) -> None:
    """Prints the peak at the start and what was added, in MiB."""
    import pyarrow.parquet  # noqa: F401

    import cmvmon.kinetics.weeks.kernel  # noqa: F401
    from cmvmon.workbench.analysis import analyze

    start = peak_mib()
    analyze(source, out, root=Path("no such site"), partitions=partitions)
    print(f"{start:.0f} {peak_mib() - start:.0f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
