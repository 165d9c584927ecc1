"""Run everything until one dies or somebody asks to stop; then stop in the opposite order of starting."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog

from runtime.errors import ServiceError

log = structlog.get_logger(__name__)

STOP_LIMIT_S = 8.0
"""How long all components together may take to stop: Docker kills after 10 s, others later."""


STOPPING = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask the service to end."""


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
                if tasks.pop(task).essential:
                    _raise_failure(task)
                    log.error("component_ended", component=task.get_name())
                    stop.set()
                else:
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


def _raise_failure(task: asyncio.Task[Any]) -> None:
    """Raise what ended ``task``, and log it unless it is a ServiceError, which says all in one line."""
    if not isinstance(task.exception(), ServiceError):
        _tell_failure(task)
    task.result()


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        trace = None if isinstance(error, ServiceError) else error
        log.error("component_failed", component=task.get_name(), error=repr(error), exc_info=trace)


@contextlib.contextmanager
def stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stop`` while the block runs, however often they come.

    After it they are ignored: all is closed then, and whoever presses Ctrl-C once more while the interpreter
    takes itself down would only see it complain.
    """
    loop = asyncio.get_running_loop()

    def heed(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    # Not the loop's own handlers: to remove those brings Python's default back for a moment.
    for number in STOPPING:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
