"""Components start together, stop in reverse, and take the service with them when an essential one dies."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from runtime.lifecycle import Component, run_all
from tests.eventually import eventually


class Recorder:
    """A component that notes when it stops."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log, self.started = name, log, asyncio.Event()

    async def run(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append(self.name)


async def test_stops_in_reverse_order_of_starting() -> None:
    log: list[str] = []
    first, second = Recorder("first", log), Recorder("second", log)
    stop = asyncio.Event()
    running = asyncio.create_task(
        run_all([Component("first", first.run), Component("second", second.run)], stop)
    )
    await first.started.wait()
    await second.started.wait()
    stop.set()
    await running
    assert log == ["second", "first"]


async def test_a_death_stops_the_rest_and_is_told() -> None:
    log: list[str] = []
    other = Recorder("other", log)

    async def die() -> None:
        await other.started.wait()
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        await run_all([Component("other", other.run), Component("mortal", die)], asyncio.Event())
    assert log == ["other"]


async def test_an_end_that_is_not_essential_changes_nothing() -> None:
    log: list[str] = []
    other = Recorder("other", log)
    ended = asyncio.Event()

    async def end() -> None:
        ended.set()

    stop = asyncio.Event()
    running = asyncio.create_task(
        run_all([Component("other", other.run), Component("short", end, essential=False)], stop)
    )
    await ended.wait()
    await other.started.wait()
    assert not running.done()
    stop.set()
    await running


async def test_a_failure_that_is_not_essential_is_logged_once_and_stops_nothing() -> None:
    log: list[str] = []
    other, stop = Recorder("other", log), asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("mirror broken")

    async def told() -> list[str]:
        return [line["error"] for line in lines if line["event"] == "component_failed"]

    with capture_logs() as lines:
        parts = [Component("other", other.run), Component("frail", fail, essential=False)]
        running = asyncio.create_task(run_all(parts, stop))
        await eventually(told)
        assert not running.done()
        stop.set()
        await running
    assert await told() == ["RuntimeError('mirror broken')"]
    assert log == ["other"]
