"""A real PostgreSQL for tests: Debian's package, a folder of its own, a Unix socket in it, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.memory import in_memory

WHY_NOT = "no PostgreSQL on this machine, so the store was not tried on it (apt-get install postgresql)"
_USERS = ("postgres", "nobody")
_START_WITHIN_S = 60


def programs() -> Path | None:
    """The folder of Debian's newest server, 15 or later; None where there is none."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin/postgres") if int(path.parts[-3]) >= 15]
    return max(found, key=lambda path: int(path.parts[-3])).parent if found else None


class Server:
    """One server on a Unix socket. `settings` are given to it as they stand (`fsync=off`)."""

    def __init__(self, programs: Path, *settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cmvmon-postgresql-", dir=in_memory()))
        self._n = 0
        as_user = self._user()
        initialise = (
            "initdb",
            "-D",
            str(self.folder / "data"),
            "-A",
            "trust",
            "-U",
            "cmvmon",
            "-E",
            "UTF8",
            "--no-sync",
        )
        # A locale whose order is not that of bytes: no result may rest on how a server sorts text.
        subprocess.run(
            [*as_user, str(programs / initialise[0]), *initialise[1:], "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        options = [
            f"-c{setting}" for setting in ("listen_addresses=", f"unix_socket_directories={self.folder}", *settings)
        ]
        self._log = (self.folder / "log").open("wb")
        subprocess.run(
            [*as_user, str(programs / "pg_ctl"), "start", "-s", "-w", "-t", str(_START_WITHIN_S), "-D",
             str(self.folder / "data"), "-o", " ".join(options)],
            check=True, stdout=self._log, stderr=self._log, cwd=self.folder,
        )  # fmt: skip
        self._pid = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._n += 1
        name = f"site_{self._n}"
        with psycopg.connect(f"host={self.folder} user=cmvmon dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://cmvmon@/{name}?host={self.folder}"

    def stop(self) -> None:
        """Stops the server by its own process id, and removes its folder."""
        os.kill(self._pid, signal.SIGINT)  # fast shutdown
        deadline = time.monotonic() + 30
        while (self.folder / "data" / "postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _user(self) -> list[str]:
        """What a command is preceded by, so that it does not run as root: PostgreSQL refuses that."""
        if os.geteuid() != 0:
            return []
        for name in _USERS:
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            return ["runuser", "-u", name, "--"]
        raise RuntimeError("no unprivileged user of " + ", ".join(_USERS))
