"""``service.py run`` as a process of its own: started, asked, killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.acceptance.toml import Tables, written
from tests.servers.process import free_port

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
_PAUSE = 0.25


class ServiceProcess:
    """One configuration on one port and one data directory, over as many processes as a test wants.

    Its output goes to ``log``, whose end is shown when a wait is in vain.
    """

    def __init__(self, folder: Path, tables: Tables) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = folder / "data"
        self.config = folder / "amberwatt.toml"
        self.log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        service = {"data_dir": "data", "listen": f"127.0.0.1:{self.port}"} | dict(tables.get("service", {}))
        self.config.write_text(written({**tables, "service": service}), encoding="utf-8")

    async def start(self, patience: float = 60.0) -> None:
        """Start a process and wait until ``/readyz`` says that it is ready."""
        self.launch()
        await self.until(self.ready, "did not become ready", patience)

    def launch(self) -> None:
        """Start a process and do not wait."""
        assert self.process is None, "it runs already"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command("run", "--config", str(self.config)),
                cwd=ROOT,
                env=environment(),
                stdout=out,
                stderr=out,
            )

    async def ready(self) -> bool:
        """Whether ``/readyz`` answers 200 now."""
        return await self.get_status("/readyz") == httpx.codes.OK

    async def alive(self) -> bool:
        """Whether ``/healthz`` answers 200 now."""
        return await self.get_status("/healthz") == httpx.codes.OK

    async def get_status(self, path: str) -> int | None:
        """The status of ``path``; None while nobody answers."""
        async with httpx.AsyncClient(timeout=10) as client:
            with suppress(httpx.TransportError):
                return (await client.get(self.url + path)).status_code
        return None

    async def until(self, probe: Callable[[], Awaitable[T]], trouble: str, patience: float = 60.0) -> T:
        """Ask ``probe`` until its answer is true; fails the test with ``trouble`` and the end of the log."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    with suppress(httpx.TransportError):  # why it does not answer is told below
                        if answer := await probe():
                            return answer
                    self._still_running(trouble)
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            pytest.fail(f"the service {trouble} within {patience:g} s:\n{self.tail()}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, then wait; the exit code. Fails the test when it does not end within 30 s."""
        return self._end(signal.SIGTERM)

    def close(self) -> None:
        """Make sure that nothing is left running."""
        if self.process is not None:
            self.kill()

    def told(self) -> str:
        """All that it has logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, characters: int = 6_000) -> str:
        """The end of the log, without the requests."""
        lines = [line for line in self.told().splitlines() if '"event": "request"' not in line]
        return "\n".join(lines)[-characters:]

    def _still_running(self, trouble: str) -> None:
        if self.process is not None and self.process.poll() is not None:
            pytest.fail(f"the service {trouble}: it ended with {self.process.returncode}:\n{self.tail()}")

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None, "it does not run"
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the service did not end within 30 s of {how.name}:\n{self.tail()}")


def command(*arguments: str) -> list[str]:
    """The command line of ``service.py`` with these arguments."""
    return [sys.executable, str(ROOT / "service.py"), *arguments]


def environment() -> dict[str, str]:
    """This process's environment without any setting of the service that it may hold."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AMBERWATT_")}


def run_once(*arguments: str, patience: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run one verb of ``service.py`` to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
