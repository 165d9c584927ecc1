"""Debian's PostgreSQL: a cluster of its own, apart from any that the machine runs."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import Server, binary, free_port

_ACCESS = """\
host all postgres 127.0.0.1/32 trust
host all all      127.0.0.1/32 scram-sha-256
"""

_POLISH = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=pl")
"""As on most servers of the world words are not sorted by code point."""

_QUICK = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=60", "shared_buffers=32MB")
"""A killed server loses nothing by it, only a machine without power would."""


class Postgres(Server):
    """A PostgreSQL on loopback that keeps everything in ``folder``, which it removes when it is closed.

    The superuser ``postgres`` needs no password; whoever else is made does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data, self._owner = folder / "data", _owner()
        self._names = count(1)
        port = free_port()
        command = [_binary("postgres"), "-D", str(self._data), "-p", str(port), "-k", str(folder)]
        command += [word for line in ("listen_addresses=127.0.0.1", *_QUICK) for word in ("-c", line)]
        super().__init__(command, port, folder / "postgres.log")

    def start(self, patience: float = 60.0) -> None:
        """Make the cluster if there is none yet, start it and wait until it takes questions."""
        if not self._data.exists():
            self._initialise()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, stdout=out, stderr=subprocess.STDOUT, **self._as_owner()
            )
        ask = [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + patience
        while self.process.poll() is None and time.monotonic() < deadline:
            if subprocess.run(ask, check=False).returncode == 0:
                return
            time.sleep(0.02)
        tail = self.log.read_text(errors="replace")[-2000:]
        self.kill()
        pytest.fail(f"postgres did not listen on {self.port}:\n{tail}")

    def stop(self) -> None:
        """Break every connection off and shut down in order, as a restart does."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End at once and leave the cluster to be recovered at the next start, as a crash does."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop it and start it on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it for good."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of ``database`` as the superuser."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> str:
        """Run SQL as the superuser, each statement by itself; what it printed."""
        ask = [_binary("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        ask += ["-p", str(self.port), "-U", "postgres", "-d", database]
        asked = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run([*ask, *asked], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, like: str | None = None) -> str:
        """A new database, empty or a copy of the one named ``like``; its name."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like or 'template0'}")
        return name

    def drop(self, database: str) -> None:
        """Forget ``database``, whoever is connected to it."""
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def _initialise(self) -> None:
        if self._owner is not None:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        made = subprocess.run(
            [_binary("initdb"), "-D", self._data, "-U", "postgres", "-E", "UTF8", *_POLISH, "-N"],
            cwd=self.folder, capture_output=True, text=True, check=False, **self._as_owner(),
        )  # fmt: skip
        if made.returncode != 0:
            pytest.fail(f"initdb could not make a cluster: {made.stderr}")
        (self._data / "pg_hba.conf").write_text(_ACCESS)

    def _as_owner(self) -> dict[str, Any]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}


@cache
def shared_postgres() -> Postgres:
    """One PostgreSQL for the whole test run, for tests with databases of their own that restart nothing."""
    server = new_postgres()
    server.start()
    atexit.register(server.close)
    return server


def new_postgres() -> Postgres:
    """A PostgreSQL that is not started yet, in a temporary folder that its user may enter."""
    return Postgres(Path(tempfile.mkdtemp(prefix="postgres-")))


def _owner() -> pwd.struct_passwd | None:
    """Whom it runs as: it refuses root, and Debian's package brings a user for it."""
    binary("pg_ctlcluster", "postgresql")  # tells what to install where there is no such user
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


def _binary(name: str) -> str:
    """The program of the newest version; Debian keeps them out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    found = [str(folder / name) for folder in reversed(folders) if (folder / name).exists()]
    return found[0] if found else binary(name, "postgresql")
