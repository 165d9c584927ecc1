"""The service is killed at twenty moments under load, or asked to end: every message is stored, once."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import scene, whole
from tests.acceptance.chaos.stored import sealed_files
from tests.servers.mosquitto import mosquitto

KILLS = 20
FARTHEST = 1_500
"""Messages within which the kill comes, counted from the start of the process or from its being ready."""


async def test_twenty_kills_under_load_lose_and_double_nothing(tmp_path: Path, record: Recorder) -> None:
    moments = Random(20)
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        here.publish()
        for number in range(KILLS):
            if number % 2 == 0:  # in the middle of its work; otherwise also while it is starting
                await here.service.until(here.service.ready, "did not become ready")
            await here.more_acknowledged(moments.randrange(1, FARTHEST))
            here.service.kill()
            here.service.launch()
        await here.service.until(here.service.ready, "did not become ready")
        await here.more_acknowledged(FARTHEST)
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
        assert sealed_files(here.service.data_dir) >= KILLS // 2, "hardly anything was sealed meanwhile"
    assert told["stored_rows"] == 2 * count.sent
    assert told["missed"] == told["session_gaps"] == 0
    record(count, told)


async def test_asked_to_end_it_drains_and_ends_with_zero(tmp_path: Path, record: Recorder) -> None:
    async with scene(tmp_path, mosquitto(tmp_path), rate=1_500) as here:
        here.publish()
        for _ in range(2):
            await here.service.until(here.service.ready, "did not become ready")
            await here.more_acknowledged(2_000)
            await here.stopped()
            here.service.launch()
        await here.service.until(here.service.ready, "did not become ready")
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == told["session_gaps"] == 0
    assert '"event": "component_does_not_stop"' not in here.service.told()
    record(count, told)
