"""One client of a load test: what it owes the broker, by number, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from runtime.backoff import Backoff
from runtime.errors import SourceError
from simulator.noise import Ints
from simulator.wire import PacketIds, WireConnection

_IDS = 65_535


@dataclass(frozen=True)
class Target:
    """Where the broker is, and who says so."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)


Packet = Callable[[int, int], bytes]
"""The PUBLISH of message ``number`` under a packet id."""


class Sender:
    """Sends messages by number and hears of their PUBACKs.

    With ``insist`` a lost connection is opened again and everything without a PUBACK sent again, as any MQTT
    client with QoS 1 does; otherwise ``lost`` tells why it ended. At most ``limit`` messages are under way.
    """

    def __init__(self, client_id: str, limit: int, packet: Packet, heard: Callable[[Ints], None]) -> None:
        self.client_id = client_id
        self.acknowledged = 0
        self.reconnects = 0
        self.insist = False
        self.lost: str | None = None
        self._limit = limit
        self._packet = packet
        self._heard = heard
        self._target: Target | None = None
        self._connection: WireConnection | None = None
        self._returning: asyncio.Task[None] | None = None
        self._id = 0
        self._number = np.zeros(_IDS + 1, dtype=np.int64)
        self._under_way = np.zeros(_IDS + 1, dtype=np.bool_)
        self._owed = 0
        self._answered = asyncio.Event()

    @property
    def owed(self) -> int:
        """Messages without a PUBACK."""
        return self._owed

    @property
    def room(self) -> int:
        """How many more messages may be sent now; none while there is no connection."""
        return 0 if self._connection is None else self._limit - self._owed

    async def open(self, target: Target) -> None:
        """Connect. Raises SourceError when refused, OSError or TimeoutError when out of reach."""
        self._target = target
        connection = WireConnection(self.client_id, self._acknowledge, self._lose)
        try:
            await connection.open(target.host, target.port, target.user, target.password)
            if connection.over:
                raise ConnectionError("closed after CONNACK")
        except BaseException:
            connection.close()
            raise
        self._connection, self.lost = connection, None

    def send(self, numbers: Sequence[int]) -> int:
        """Hand over these messages, as many as there is room for at most; the bytes that they took."""
        assert self._connection is not None, "open it first"
        first = self._id
        ids = [(first + k) % _IDS + 1 for k in range(len(numbers))]
        packets = list(map(self._packet, numbers, ids))
        self._id = ids[-1] if ids else first
        self._number[ids] = numbers
        self._under_way[ids] = True
        self._owed += len(ids)
        self._connection.send(packets)
        return sum(map(len, packets))

    async def settled(self) -> None:
        """Return once every message has its PUBACK, or the connection is gone for good."""
        while self._owed and (self.insist or self.lost is None):
            self._answered.clear()
            await self._answered.wait()

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self._returning is not None:
            self._returning.cancel()
        if self._connection is not None:
            self._connection.close()

    def _acknowledge(self, ids: PacketIds) -> None:
        known = ids[self._under_way[ids]]
        self._under_way[known] = False
        self._owed -= len(known)
        self.acknowledged += len(known)
        self._heard(self._number[known])
        self._answered.set()

    def _lose(self, why: str) -> None:
        if self._connection is None:
            return  # it was only being opened, and whoever opens it is told
        self.lost, self._connection = why, None
        self._answered.set()
        if self.insist:
            self._returning = asyncio.create_task(self._return(), name=f"return-{self.client_id}")

    async def _return(self) -> None:
        assert self._target is not None
        pause = Backoff(first=0.02, ceiling=0.5)
        while self._connection is None:
            await asyncio.sleep(pause.next())
            with suppress(OSError, TimeoutError, SourceError):
                await self.open(self._target)
        self.reconnects += 1
        # In the order of their numbers: each node's counter then goes up as it did before.
        again = np.sort(self._number[self._under_way]).tolist()
        self._under_way[:] = False
        self._owed = 0
        self.send(again)
