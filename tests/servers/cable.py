"""A cable between a TCP client and a server on loopback, that can be cut, go dead or pass bytes singly."""

from __future__ import annotations

import asyncio
import socket
import struct

_AT_ONCE = 65_536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST and throws away what was not sent, as a cut cable does."""


class Cable:
    """Passes bytes between clients of ``port`` and 127.0.0.1:``behind``; ``cuts`` counts those that hurt.

    ``hang_ups`` is how many of the next connections are closed as soon as they speak, as a load balancer does
    whose server is gone. ``piece`` is how many bytes go at once, and ``cut_after`` how many still go before
    the next cut.
    """

    def __init__(self, behind: int) -> None:
        self.port = 0
        self.cuts = 0
        self.hang_ups = 0
        self.piece = _AT_ONCE
        self.cut_after: int | None = None
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._dead: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether anybody is connected through it."""
        return bool(self._open)

    async def __aenter__(self) -> Cable:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> None:
        """End every connection in both directions at once; whoever comes next is connected again."""
        self.cuts += bool(self._open)
        for writer in self._open:
            there = writer.get_extra_info("socket")
            if there is not None and there.fileno() >= 0:  # it may be closed while the other end is not
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self._open.clear()

    def go_dead(self) -> None:
        """Swallow what every connection sends from now on, and keep it open; whoever comes next is served."""
        self._dead |= self._open

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hang_ups:
            await reader.read(1)
            self.hang_ups -= 1
            writer.close()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        ways = [asyncio.create_task(self._pass(reader, back)), asyncio.create_task(self._pass(there, writer))]
        self._passing |= set(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, back):
            end.close()
            self._open.discard(end)
        await asyncio.wait(ways)
        self._passing -= set(ways)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(self.piece):
                if writer in self._dead:
                    continue
                writer.write(data[: self.cut_after])
                await writer.drain()
                await asyncio.sleep(0)  # so that whoever reads here gets it before more is written
                self._wear(len(data))
        except OSError:
            return
        finally:
            writer.close()

    def _wear(self, count: int) -> None:
        if self.cut_after is not None:
            self.cut_after -= count
            if self.cut_after <= 0:
                self.cut_after = None
                self.cut()
