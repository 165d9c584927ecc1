"""The broker stays, the connection does not: cut, taken over, narrow and wide windows. Nothing is missing."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.rival import Rival
from tests.acceptance.chaos.scene import scene, whole
from tests.eventually import eventually
from tests.servers.cable import Cable
from tests.servers.mosquitto import mosquitto

CUTS, MOMENTS = 20, 5

SECONDS, RATE = 60, 400
"""A cut each time that the publishers have sent what they send in a second."""

CLIENT = "amberwatt-chaos"


async def test_a_cut_each_second_for_a_minute_loses_and_doubles_nothing(
    tmp_path: Path, record: Recorder
) -> None:
    """One process for all of it: it comes back ever more slowly, and takes all that waited."""
    broker = mosquitto(tmp_path)
    async with Cable(broker.port) as cable, scene(tmp_path, broker, through=cable.port, rate=RATE) as here:
        here.publish()
        process = here.service.process
        for _ in range(SECONDS):
            await here.more_sent(RATE)
            cable.cut()
        await here.connected()
        await here.finished()
        told = await here.all_stored()
        assert here.service.process is process
        count = whole(await here.ledger())
    assert cable.cuts >= 5
    assert told["missed"] == 0
    record(count, told)


async def test_a_cut_at_any_moment_of_a_connection_loses_and_doubles_nothing(
    tmp_path: Path, record: Recorder
) -> None:
    broker, moments = mosquitto(tmp_path), Random(7)
    async with Cable(broker.port) as cable, scene(tmp_path, broker, through=cable.port) as here:
        here.publish()
        for _ in range(MOMENTS):
            await here.connected()
            await here.more_acknowledged(moments.randrange(1, 300))
            cable.cut()
        await here.connected()
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert cable.cuts == MOMENTS
    assert told["missed"] == 0
    record(count, told)


async def test_a_session_taken_over_comes_back_whole(tmp_path: Path, record: Recorder) -> None:
    async with scene(tmp_path, mosquitto(tmp_path), broker={"client_id": CLIENT}) as here:
        here.publish()
        for _ in range(3):
            await here.more_acknowledged(500)
            assert await Rival(CLIENT, here.broker.port).take_over() > 0
            await here.connected()
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == 0
    record(count, told)


@pytest.mark.parametrize("window", [20, 65_535])
async def test_windows_narrow_and_wide_hold_back_and_lose_nothing(
    window: int, tmp_path: Path, record: Recorder
) -> None:
    broker = mosquitto(tmp_path, f"max_inflight_messages {window}")
    async with scene(tmp_path, broker, broker={"receive_maximum": window}, rate=1_500) as here:
        here.publish()
        await here.more_acknowledged(1_500)
        here.service.kill()
        await here.more_acknowledged(3_000)
        here.service.launch()
        await here.service.until(here.service.ready, "did not become ready")
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == told["session_gaps"] == 0
    record(count, told)


async def test_publishers_that_are_cut_off_send_again_and_are_stored_once(
    tmp_path: Path, record: Recorder
) -> None:
    broker, moments = mosquitto(tmp_path), Random(11)
    async with Cable(broker.port) as cable, scene(tmp_path, broker, publish_through=cable.port) as here:
        here.publish()
        for number in range(CUTS):
            await here.more_acknowledged(moments.randrange(1, 400))
            cable.cut()

            async def returned(cuts: int = number + 1) -> bool:
                return here.load.reconnects >= cuts * here.load.options.connections

            await eventually(returned)
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == 0
    record(count, told)
