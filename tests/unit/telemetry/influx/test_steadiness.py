"""A server that was restarted between two writes is noticed by its connection, and nothing else is."""

from __future__ import annotations

from aiohttp import web

from telemetry.influx.steadiness import Steadiness
from tests.servers.process import free_port


class Restarted:
    """An HTTP server on one port that can be replaced by another; ``headers`` go with its answers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.headers: dict[str, str] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/write", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self.headers)


async def broke(memory_s: float, headers: dict[str, str], restart: bool) -> list[bool]:
    """What is told after each of three writes, with a restart before the third."""
    server, steady = Restarted(), Steadiness(memory_s)
    server.headers = headers
    await server.start()
    told = []
    async with steady.session() as http:
        for number in range(3):
            if restart and number == 2:
                await server.stop()
                await server.start()
            async with http.post(f"http://127.0.0.1:{server.port}/write") as answer:
                assert answer.status == 204
            told.append(steady.broke())
    await server.stop()
    return told


async def test_a_server_that_stays_is_steady() -> None:
    assert await broke(60, {}, restart=False) == [False, False, False]


async def test_a_restart_that_no_write_failed_for_is_noticed_once() -> None:
    assert await broke(60, {}, restart=True) == [False, False, True]


async def test_what_is_on_disk_by_now_needs_no_heed() -> None:
    assert await broke(0, {}, restart=True) == [False, False, False]


async def test_a_server_that_says_it_hangs_up_after_each_answer_is_steady() -> None:
    assert await broke(60, {"Connection": "close"}, restart=True) == [False, False, False]
