"""Load on a broker: GPU node messages from thousands of nodes, at a rate that does not wait for anybody."""

from __future__ import annotations

import asyncio
import resource
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog
from pydantic import Field, model_validator

from runtime.clock import Clock, to_ms
from runtime.errors import SourceError
from runtime.options import Options
from simulator.frames import NodeFrame, node_frames
from simulator.wire import WireConnection

log = structlog.get_logger(__name__)

_TICK_S = 0.005
_AT_ONCE = 64
_STAMPS_A_SECOND = 1000
_GRACE_S = 30.0
"""How long to wait for the last PUBACKs once nothing is sent any more."""


class LoadOptions(Options):
    """What to send: ``rate`` messages a second of ``nodes`` nodes over ``connections`` connections.

    ``burst`` sends each second's messages at its beginning, ``even`` spreads them. ``unacknowledged`` bounds
    what a connection has under way: beyond it the load falls behind, which the result tells.
    """

    port: int = Field(ge=1, le=65_535)
    host: str = "127.0.0.1"
    nodes: int = Field(default=1_000, ge=1)
    connections: int = Field(default=8, ge=1)
    rate: float = Field(default=1_000.0, gt=0)
    seconds: float = Field(default=10.0, gt=0)
    pattern: Literal["even", "burst"] = "even"
    unacknowledged: int = Field(default=20_000, ge=1, le=60_000)
    gpus: int = Field(default=8, ge=1)
    site: str = "loadtest"
    user: str | None = None
    password: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _stamps_differ(self) -> LoadOptions:
        if self.rate / self.nodes > _STAMPS_A_SECOND:
            raise ValueError(
                f"rate = {self.rate} of {self.nodes} nodes needs two messages of a node in one millisecond; "
                "take more nodes"
            )
        return self

    @property
    def total(self) -> int:
        """How many messages the whole run has."""
        return round(self.rate * self.seconds)


@dataclass(frozen=True)
class LoadResult:
    """The account of one run. ``behind_s`` is the longest that a message left after its time.

    ``sent == acknowledged`` unless the broker owed answers at the end; ``rows`` is what a store must hold.
    ``cpu_s`` is this process's own CPU time, whatever else runs in it included.
    """

    sent: int
    acknowledged: int
    rows: int
    bytes: int
    seconds: float
    behind_s: float
    cpu_s: float
    first_ts_ms: int
    last_ts_ms: int

    @property
    def rate(self) -> float:
        """Messages a second that really went out."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0

    @property
    def cpu_us_per_message(self) -> float:
        """Microseconds of CPU that one message cost this process."""
        return 1e6 * self.cpu_s / self.sent if self.sent else 0.0


class LoadTest:
    """One run of :class:`LoadOptions`; ``clock`` gives the timestamps, ``progress`` hears the share sent."""

    def __init__(
        self, options: LoadOptions, clock: Clock, progress: Callable[[float], None] | None = None
    ) -> None:
        self.options = options
        self._clock = clock
        self._progress = progress or (lambda share: None)
        self._frames: list[NodeFrame] = []
        self._connections: list[WireConnection] = []
        self._lost: list[WireConnection] = []
        self._sent = 0
        self._bytes = 0
        self._behind_s = 0.0

    @property
    def sent(self) -> int:
        """Messages handed over so far."""
        return self._sent

    async def run(self) -> LoadResult:
        """Connect, send, wait for the last answers. Raises SourceError when a connection fails."""
        options = self.options
        self._frames = node_frames(options.site, options.nodes, options.gpus)
        cpu_before = _cpu_s()
        loop = asyncio.get_running_loop()
        try:
            await self._connect()
            first_ms = to_ms(self._clock.now())
            begin = loop.time()
            await self._send_all(begin, first_ms)
            took = loop.time() - begin
            await self._last_answers()
        finally:
            for connection in self._connections:
                connection.close()
        result = LoadResult(
            sent=self._sent,
            acknowledged=sum(c.acknowledged for c in self._connections),
            rows=self._sent * options.gpus,
            bytes=self._bytes,
            seconds=max(took, options.seconds),
            behind_s=self._behind_s,
            cpu_s=_cpu_s() - cpu_before,
            first_ts_ms=first_ms,
            last_ts_ms=first_ms + int((self._sent - 1) * (1000 / options.rate)),
        )
        log.info(
            "loadtest_done", sent=result.sent, acknowledged=result.acknowledged, behind_s=result.behind_s
        )
        return result

    async def _connect(self) -> None:
        options = self.options
        count = min(options.connections, options.nodes)
        self._connections = [
            WireConnection(f"loadtest-{options.site}-{number}", options.unacknowledged, self._lost.append)
            for number in range(count)
        ]
        target = options.host, options.port, options.user, options.password
        try:
            # A listening socket has a short queue of connections that wait to be accepted.
            for first in range(0, count, _AT_ONCE):
                group = self._connections[first : first + _AT_ONCE]
                await asyncio.gather(*(connection.open(*target) for connection in group))
        except (OSError, TimeoutError) as error:
            raise SourceError(f"the load test cannot reach {options.host}:{options.port}: {error}") from error

    async def _send_all(self, begin: float, first_ms: int) -> None:
        loop = asyncio.get_running_loop()
        while self._sent < self.options.total:
            elapsed = loop.time() - begin
            due = self._due_count(elapsed)
            if self._sent < due:
                self._behind_s = max(self._behind_s, elapsed - self._due_s(self._sent))
                self._send(due, first_ms)
                self._progress(self._sent / self.options.total)
            self._refuse_broken()
            await asyncio.sleep(_TICK_S)

    def _send(self, due: int, first_ms: int) -> None:
        """Hand over every message up to number ``due``, as far as the connections have room."""
        frames, connections = self._frames, self._connections
        nodes, width, step_ms = len(frames), len(connections), 1000 / self.options.rate
        batches: dict[int, list[bytes]] = defaultdict(list)
        number = self._sent
        while number < due:
            turn, node = divmod(number, nodes)
            which = node % width
            connection, batch = connections[which], batches[which]
            if len(batch) >= connection.room:
                break
            packet = frames[node].stamped(connection.next_id(), first_ms + int(number * step_ms), turn)
            batch.append(packet)
            self._bytes += len(packet)
            number += 1
        self._sent = number
        for which, batch in batches.items():
            connections[which].send(batch)

    def _due_count(self, elapsed: float) -> int:
        options = self.options
        if options.pattern == "burst":
            return min(options.total, round((int(elapsed) + 1) * options.rate))
        return min(options.total, int(elapsed * options.rate) + 1)

    def _due_s(self, number: int) -> float:
        """When message ``number`` is to leave, in seconds after the first."""
        at = number / self.options.rate
        return float(int(at)) if self.options.pattern == "burst" else at

    async def _last_answers(self) -> None:
        try:
            async with asyncio.timeout(_GRACE_S):
                for connection in self._connections:
                    await connection.settled()
        except TimeoutError:
            log.warning("loadtest_answers_missing", owed=sum(c.owed for c in self._connections))

    def _refuse_broken(self) -> None:
        if self._lost:
            first = self._lost[0]
            raise SourceError(f"the broker closed the connection {first.client_id}: {first.lost}")


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
