"""Run everything until one dies or somebody asks to stop; then stop in the opposite order of starting."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)

STOP_LIMIT_S = 8.0
"""How long all components together may take to stop: Docker kills after 10 s, others later."""


@dataclass(frozen=True)
class Component:
    """Something that runs as long as the service does; ``run`` returns only when it is cancelled or done.

    ``essential`` ones end the service when they end or fail; of the others a failure is logged.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    essential: bool = True


async def run_all(components: Sequence[Component], stop: asyncio.Event) -> None:
    """Start ``components`` in order; on ``stop`` or an essential one's end cancel them in reverse.

    Raises what an essential component raised.
    """
    tasks = {asyncio.create_task(_run(c), name=c.name): c for c in components}
    waiter = asyncio.create_task(stop.wait(), name="stop")
    watched: set[asyncio.Task[Any]] = {waiter, *tasks}
    try:
        while not stop.is_set():
            done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiter}:
                if tasks[task].essential:
                    task.result()
                    log.error("component_ended", component=tasks[task].name)
                    stop.set()
                else:
                    del tasks[task]
                    _tell_failure(task)
    finally:
        waiter.cancel()
        deadline = asyncio.get_running_loop().time() + STOP_LIMIT_S
        for task in reversed(tasks):
            await _stop(task, deadline)


async def _run(component: Component) -> None:
    log.debug("component_started", component=component.name)
    await component.run()


async def _stop(task: asyncio.Task[None], deadline: float) -> None:
    task.cancel()
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    done, _ = await asyncio.wait({task}, timeout=left)
    if not done:
        log.error("component_does_not_stop", component=task.get_name(), limit_s=STOP_LIMIT_S)
    else:
        _tell_failure(task)


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("component_failed", component=task.get_name(), error=repr(error), exc_info=error)


@contextlib.contextmanager
def stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stop`` while the block runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
