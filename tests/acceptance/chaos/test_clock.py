"""Clocks that are wrong, and messages that come late or in another order: each row is as it was told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

from runtime.clock import MILLISECOND, SystemClock, to_ms
from tests.acceptance.chaos import stranger
from tests.acceptance.chaos.ledger import Count
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import scene
from tests.acceptance.chaos.stored import in_duckdb
from tests.acceptance.chaos.stranger import Sent
from tests.servers.mosquitto import mosquitto

MESSAGES = 60
AHEAD = timedelta(minutes=10) // MILLISECOND
WEEK = timedelta(days=7) // MILLISECOND
SECOND = 1_000


def topic(node: str) -> str:
    """Where ``node`` publishes."""
    return f"dc/v1/clocks/a/r1/{node}/gpu"


def told(node: str, numbered: Iterable[tuple[int, int]]) -> list[Sent]:
    """Messages of ``node`` by seq and time."""
    return [
        (topic(node), b'{"ts":%d,"seq":%d,"gpus":[{"i":0,"power_w":%d}]}' % (at, seq, 100 + seq % 100))
        for seq, at in numbered
    ]


def timed(first_ms: int) -> list[tuple[int, int]]:
    """One number a second from ``first_ms`` on."""
    return [(number, first_ms + number * SECOND) for number in range(MESSAGES)]


async def test_every_row_bears_the_time_that_it_was_told_or_is_refused(
    tmp_path: Path, record: Recorder
) -> None:
    now = to_ms(SystemClock().now())
    minute = now - MESSAGES * SECOND
    jumping = [(n, at - 300 * SECOND if n >= MESSAGES // 2 else at) for n, at in timed(minute)]
    shuffled = timed(minute)
    Random(3).shuffle(shuffled)
    good = {
        "behind": timed(minute - AHEAD),
        "jumping-back": jumping,
        "last-week": timed(minute - WEEK),
        "out-of-order": shuffled,
    }
    messages = [message for node, numbered in good.items() for message in told(node, numbered)]
    ahead = told("ahead", timed(now + AHEAD))
    # Somebody is on time all the while, and last week arrives after today.
    on_time = told("last-week", [(n, at) for n, at in timed(minute)])
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        port = here.broker.port
        sent = await stranger.publish(port, on_time + ahead + messages)
        sent += await stranger.publish(port, messages)  # and once more, as after a lost acknowledgement
        said = await here.until(lambda told: told["acknowledged"] >= sent, "did not take all of it")
        kept = len(on_time) + len(messages)
        said = await here.until(lambda told: told["stored_rows"] >= kept, "did not store all of it")
        said = await here.until(
            lambda told: told["stores"][0]["position"] == told["journal"]["head"], "did not follow"
        )
        await here.stopped()
        rows = await in_duckdb(here.service.data_dir)
    wanted = {(topic(node), 0, at) for node, numbered in good.items() for _, at in numbered}
    wanted |= {(topic("last-week"), 0, at) for _, at in timed(minute)}
    assert sorted(rows) == sorted(wanted)
    assert said["rejected"] == {"future": MESSAGES}
    assert said["duplicates"] == len(messages)
    assert said["missed"] == 0
    distinct = len(on_time + ahead + messages)
    record(Count(distinct, distinct, len(rows), 0, missing=len(ahead), lost=0), said)
