"""Ctrl-C and SIGTERM at any moment of the service's life: a clean end, and never a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.acceptance.service_process import command, environment
from tests.acceptance.toml import written

KILLED = {signal.SIGINT: -signal.SIGINT, signal.SIGTERM: -signal.SIGTERM}
"""How a process ends by a signal; a shell tells it as 130 and 143."""


Launch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts a verb of ``service.py``; what is left of it at the end is killed."""
    with ExitStack() as left:

        def start(*verb: str) -> subprocess.Popen[str]:
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                command(*verb), cwd=tmp_path, env=environment(), stdout=pipe, stderr=pipe, text=True
            )
            left.enter_context(process)
            left.callback(process.kill)
            return process

        yield start


def configured(folder: Path, listen: str = "127.0.0.1:0") -> str:
    file = folder / "amberwatt.toml"
    file.write_text(written({"service": {"listen": listen, "data_dir": "data"}}), encoding="utf-8")
    return str(file)


def wait_for_import(process: subprocess.Popen[str], name: str) -> None:
    """Return once ``process`` has mapped the compiled library ``name``, in the middle of its imports."""
    while name not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None, "it has ended"
        os.sched_yield()


def ask_until_it_ends(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send ``number`` ten times a second."""
    while process.poll() is None:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)


@pytest.mark.parametrize("number", KILLED, ids=lambda number: number.name)
@pytest.mark.parametrize("library", ["_asyncio", "numpy"])
def test_the_imports_end_at_once(
    number: signal.Signals, library: str, launch: Launch, tmp_path: Path
) -> None:
    process = launch("run", "--config", configured(tmp_path))
    wait_for_import(process, library)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == KILLED[number]
    assert told == ""


@pytest.mark.parametrize("number", KILLED, ids=lambda number: number.name)
@pytest.mark.parametrize("verb", ["run", "demo"])
def test_the_start_is_ended_cleanly_however_often_it_is_asked(
    number: signal.Signals, verb: str, launch: Launch, tmp_path: Path
) -> None:
    demo = ("demo", "--port", "0", "--data-dir", str(tmp_path / "data"), "--no-browser")
    process = launch(*(demo if verb == "demo" else ("run", "--config", configured(tmp_path))))
    database = tmp_path / "data" / "state.sqlite"
    while not database.exists():  # it has just begun to migrate
        assert process.poll() is None, "it has ended"
        os.sched_yield()
    ask_until_it_ends(process, number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert not (tmp_path / "data" / "address").exists()


def test_a_running_service_ends_cleanly_although_it_is_asked_again(launch: Launch, tmp_path: Path) -> None:
    process = launch("run", "--config", configured(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline().startswith("address: ")
    ask_until_it_ends(process, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told


def test_elsewhere_an_import_leaves_the_interrupt_alone() -> None:
    ask = "import signal, runtime.interrupt; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "default_int_handler\n"


@pytest.mark.parametrize("broker", [{}, {"embedded": True}], ids=["pages", "broker"])
def test_an_address_in_use_is_told_in_one_line(
    broker: dict[str, bool], launch: Launch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        tables = {
            "service": {"data_dir": "data", "listen": "127.0.0.1:0" if broker else address},
            "broker": {"url": f"mqtt://{address}", **broker},
        }
        file = tmp_path / "amberwatt.toml"
        file.write_text(written(tables), encoding="utf-8")
        process = launch("run", "--config", str(file))
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in told
    (line,) = [line for line in told.splitlines() if not line.startswith("{")]
    assert address in line
    assert line.startswith("[broker] url" if broker else "[service] listen")
    assert "choose another" in line
