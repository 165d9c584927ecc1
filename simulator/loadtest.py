"""Load on a broker: GPU node messages from thousands of nodes, at a rate that does not wait for anybody."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import structlog
from pydantic import Field, model_validator

from runtime.clock import Clock, to_ms
from runtime.errors import SourceError
from runtime.options import Options
from simulator.frames import NodeFrame, node_frames
from simulator.load_account import LoadAccount
from simulator.sender import Sender, Target

log = structlog.get_logger(__name__)

_TICK_S = 0.005
_AT_ONCE = 64
_STAMPS_A_SECOND = 1000
_GRACE_S = 30.0
"""How long to wait for the last PUBACKs once nothing is sent any more."""


class LoadOptions(Options):
    """What to send: ``rate`` messages a second of ``nodes`` nodes over ``connections`` connections.

    ``burst`` sends each second's messages at its beginning, ``even`` spreads them. ``unacknowledged`` bounds
    what a connection has under way: beyond it the load falls behind, which the result tells. With ``insist``
    a connection that is lost is opened again, and what has no PUBACK is sent again with its old time and
    counter; otherwise a lost connection ends the test.
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
    insist: bool = False
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
    ``cpu_s`` is this process's own CPU time, whatever else runs in it included; ``account`` tells of each
    message, by number.
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
    account: LoadAccount = field(repr=False, compare=False)

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
        self.account = LoadAccount(options.site, options.nodes, 1000 / options.rate, options.total)
        """What was sent and acknowledged so far."""
        self._clock = clock
        self._progress = progress or (lambda share: None)
        self._frames: list[NodeFrame] = []
        self._senders: list[Sender] = []
        self._bytes = 0
        self._behind_s = 0.0
        self._enough = False

    @property
    def sent(self) -> int:
        """Messages handed over so far."""
        return self.account.sent

    @property
    def reconnects(self) -> int:
        """How often a lost connection was opened again."""
        return sum(sender.reconnects for sender in self._senders)

    def finish(self) -> None:
        """Send no more than what was sent; :meth:`run` returns once that has its answers."""
        self._enough = True

    async def run(self) -> LoadResult:
        """Connect, send, wait for the last answers. Raises SourceError when a connection fails."""
        options = self.options
        self._frames = node_frames(options.site, options.nodes, options.gpus)
        cpu_before = _cpu_s()
        loop = asyncio.get_running_loop()
        try:
            await self._connect()
            self.account.first_ms = to_ms(self._clock.now())
            begin = loop.time()
            await self._send_all(begin)
            took = loop.time() - begin
            await self._last_answers()
        finally:
            for sender in self._senders:
                sender.close()
        sent = self.sent
        result = LoadResult(
            sent=sent,
            acknowledged=int(self.account.acknowledged.sum()),
            rows=sent * options.gpus,
            bytes=self._bytes,
            seconds=took if self._enough else max(took, options.seconds),
            behind_s=self._behind_s,
            cpu_s=_cpu_s() - cpu_before,
            first_ts_ms=self.account.first_ms,
            last_ts_ms=self.account.first_ms + int((sent - 1) * self.account.step_ms),
            account=self.account,
        )
        log.info(
            "loadtest_done", sent=result.sent, acknowledged=result.acknowledged, behind_s=result.behind_s
        )
        return result

    async def _connect(self) -> None:
        options = self.options
        count = min(options.connections, options.nodes)
        self._senders = [
            Sender(
                f"loadtest-{options.site}-{number}", options.unacknowledged, self._packet, self.account.take
            )
            for number in range(count)
        ]
        target = Target(options.host, options.port, options.user, options.password)
        try:
            # A listening socket has a short queue of connections that wait to be accepted.
            for first in range(0, count, _AT_ONCE):
                await asyncio.gather(*(one.open(target) for one in self._senders[first : first + _AT_ONCE]))
        except (OSError, TimeoutError) as error:
            raise SourceError(f"the load test cannot reach {options.host}:{options.port}: {error}") from error
        for sender in self._senders:
            sender.insist = options.insist

    async def _send_all(self, begin: float) -> None:
        loop = asyncio.get_running_loop()
        while self.sent < self.options.total and not self._enough:
            elapsed = loop.time() - begin
            due = self._due_count(elapsed)
            if self.sent < due:
                self._behind_s = max(self._behind_s, elapsed - self._due_s(self.sent))
                self._send(due)
                self._progress(self.sent / self.options.total)
            self._refuse_broken()
            await asyncio.sleep(_TICK_S)

    def _send(self, due: int) -> None:
        """Hand over every message up to number ``due``, as far as the connections have room."""
        width = len(self._senders)
        rooms = [sender.room for sender in self._senders]
        batches: list[list[int]] = [[] for _ in rooms]
        nodes, number = self.options.nodes, self.sent
        while number < due:
            which = number % nodes % width
            if len(batches[which]) >= rooms[which]:
                break
            batches[which].append(number)
            number += 1
        self.account.sent = number
        for sender, batch in zip(self._senders, batches, strict=True):
            if batch:
                self._bytes += sender.send(batch)

    def _packet(self, number: int, packet_id: int) -> bytes:
        account = self.account
        turn, node = divmod(number, account.nodes)
        at_ms = account.first_ms + int(number * account.step_ms)
        return self._frames[node].stamped(packet_id, at_ms, turn)

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
                for sender in self._senders:
                    await sender.settled()
        except TimeoutError:
            log.warning("loadtest_answers_missing", owed=sum(sender.owed for sender in self._senders))

    def _refuse_broken(self) -> None:
        for sender in self._senders if not self.options.insist else ():
            if sender.lost is not None:
                raise SourceError(f"the broker closed the connection {sender.client_id}: {sender.lost}")


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
