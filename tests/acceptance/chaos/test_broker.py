"""The broker ends, dies or drops what it cannot queue: what it loses is told, by the publishers' counters."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import Scene, noticed, scene, whole
from tests.eventually import eventually
from tests.servers.mosquitto import mosquitto

NARROW = {"receive_maximum": 100}
"""The broker keeps the rest itself; a wide window would leave all of it in the buffers of the connection."""


async def restarted(here: Scene, how: str) -> None:
    """End the broker while it holds messages for a service that stands still, and start it again."""
    before = here.connections
    with here.frozen():
        await here.more_acknowledged(1_500)
        await asyncio.to_thread(here.broker.stop if how == "stop" else here.broker.kill)
        await asyncio.to_thread(here.broker.start)
    await here.reconnected(before)
    # Enough for each node to speak again: a gap shows in the counter of the next message.
    await here.more_acknowledged(3 * here.load.options.nodes)


async def test_a_broker_restarted_with_its_queue_on_disk_loses_nothing(
    tmp_path: Path, record: Recorder
) -> None:
    broker = mosquitto(tmp_path, "persistence true", f"persistence_location {tmp_path}/")
    async with scene(tmp_path, broker) as here:
        here.publish()
        for _ in range(2):
            await here.more_acknowledged(1_000)
            await restarted(here, "stop")
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == 0
    record(count, told)


async def test_what_a_killed_broker_had_not_written_down_is_missed(tmp_path: Path, record: Recorder) -> None:
    on_disk = "persistence true", f"persistence_location {tmp_path}/", "autosave_interval 3600"
    broker = mosquitto(tmp_path, *on_disk)
    async with scene(tmp_path, broker, broker=NARROW, rate=400) as here:
        here.publish()
        await here.more_acknowledged(500)

        assert broker.process is not None
        broker.process.send_signal(signal.SIGUSR1)  # to write down what it has now

        async def saved() -> bool:
            return (tmp_path / "mosquitto.db").exists()

        await eventually(saved)
        for _ in range(2):
            await here.more_acknowledged(1_000)
            await restarted(here, "kill")
        await here.finished()
        told = await here.all_accounted()
        count = noticed(await here.ledger(), told)
    assert count.lost > 0, "the broker lost nothing that it had acknowledged"
    record(count, told)


async def test_a_broker_without_persistence_forgets_and_we_know_what(
    tmp_path: Path, record: Recorder
) -> None:
    async with scene(tmp_path, mosquitto(tmp_path), broker=NARROW, rate=400) as here:
        here.publish()
        for _ in range(2):
            await here.more_acknowledged(1_000)
            await restarted(here, "kill")
        await here.finished()
        told = await here.all_accounted()
        by_node = await here.missed_by_publisher(told)
        ledger = await here.ledger()
        count = noticed(ledger, told)
    assert count.lost > 0, "the broker lost nothing that it had acknowledged"
    assert told["session_gaps"] >= 2
    assert by_node == {topic: len(seqs) for topic, seqs in ledger.gaps().items()}
    record(count, told)


@pytest.mark.parametrize("how", ["asked to end", "killed"])
async def test_a_queue_that_overflows_while_we_are_away_is_missed_message_by_message(
    how: str, tmp_path: Path, record: Recorder
) -> None:
    broker = mosquitto(tmp_path, "max_queued_messages 1000", "max_inflight_messages 20")
    async with scene(tmp_path, broker) as here:
        here.publish()
        await here.more_acknowledged(1_000)
        await here.ended(how)
        await here.more_acknowledged(3_000)
        here.service.launch()
        await here.connected()
        await here.more_acknowledged(3 * here.load.options.nodes)
        await here.finished()
        told = await here.all_accounted()
        by_node = await here.missed_by_publisher(told)
        ledger = await here.ledger()
        count = noticed(ledger, told)
    assert count.lost >= 1_000
    assert by_node == {topic: len(seqs) for topic, seqs in ledger.gaps().items()}
    record(count, told)


async def test_service_and_broker_that_die_together_leave_no_gap_unnoticed(
    tmp_path: Path, record: Recorder
) -> None:
    """Nothing of what was sent meanwhile comes: only the counts from before the kill can tell."""
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        here.publish()
        for _ in range(3):
            await here.more_acknowledged(1_000)
            here.service.kill()
            await here.more_acknowledged(1_000)
            await asyncio.to_thread(here.broker.kill)
            await asyncio.to_thread(here.broker.start)
            here.service.launch()
            await here.service.until(here.service.ready, "did not become ready")
            await here.connected()
            await here.more_acknowledged(3 * here.load.options.nodes)
        await here.finished()
        told = await here.all_accounted()
        by_node = await here.missed_by_publisher(told)
        ledger = await here.ledger()
        count = noticed(ledger, told)
    assert count.lost >= 3_000
    assert by_node == {topic: len(seqs) for topic, seqs in ledger.gaps().items()}
    record(count, told)
