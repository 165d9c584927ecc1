"""Hostile publishers: their messages are refused and counted, memory stays bounded, nobody else suffers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from runtime.clock import SystemClock, to_ms
from tests.acceptance.chaos import stranger
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import GPUS, Scene, scene, whole
from tests.acceptance.chaos.stranger import Sent
from tests.servers.mosquitto import mosquitto

METER, GPU = "dc/v1/hostile/meter/m1", "dc/v1/hostile/a/r1/n01/gpu"
SERIES = 1_000
"""The cap of series; the load itself uses 200."""

TOPICS = 100_000
LARGE = 300
MEGABYTE = 1_000_000
GROWTH = 200 * MEGABYTE
"""Bytes by which the process may grow at most, at any moment: less than the large payloads are together."""

RETAINED = [(f"dc/v1/hostile/meter/r{n}", b"left behind") for n in range(50)]


def garbage(count: int) -> Iterator[tuple[str, Sent]]:
    """So many messages of each kind, with the reason for which each is refused."""
    random = Random(6)
    pack = msgspec.msgpack.encode
    for number in range(count):
        yield "undecodable", (METER, random.randbytes(200))
        yield "undecodable", (METER, b'{"power_w":' + b"[" * 50_000)
        yield "undecodable", (GPU, b'{"gpus":' * 20_000)
        yield "undecodable", (METER, b'{"power_w":5,"note":"\xff\xfe\xc3\x28"}')
        yield "undecodable", (METER, b'{"power_w":"412"}')
        yield "undecodable", (METER, b'{"power_w":1e999}')
        yield "undecodable", (METER, b"\xdf\xff\xff\xff\xff")  # a map of 4 billion entries
        yield "undecodable", (METER, b"\x81\xa7power_w\xdd\xff\xff\xff\xff")  # a list as long
        yield "undecodable", (METER, b"\x81\xa7power_w" + b"\x91" * 100_000)
        yield "undecodable", (METER, b"\x81\xa7power_w\xdb\xff\xff\xff\xffx")  # a text as long
        yield "out_of_range", (METER, b'{"power_w":1e308,"energy_wh":%d}' % number)
        yield "not_finite", (METER, pack({"power_w": float("inf")}))
        yield "topic", (f"dc/v1/hostile/toaster/t{number}", b'{"power_w":5}')


def inventions() -> Iterator[Sent]:
    """A meter that nobody has, each time another."""
    now = to_ms(SystemClock().now())
    for number in range(TOPICS):
        yield f"dc/v1/hostile/meter/x{number}", b'{"ts":%d,"power_w":5}' % now


def memory(here: Scene, name: str) -> int:
    """Bytes of memory that the service holds (``VmRSS``), or held at most (``VmHWM``)."""
    (line,) = (line for line in _process(here, "status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def forget_most(here: Scene) -> None:
    """Let the kernel measure anew the most memory that the service has held."""
    _process(here, "clear_refs").write_text("5")


def _process(here: Scene, file: str) -> Path:
    assert here.service.process is not None
    return Path(f"/proc/{here.service.process.pid}/{file}")


async def test_strangers_fill_neither_memory_nor_the_place_of_others(
    tmp_path: Path, record: Recorder
) -> None:
    rude = list(garbage(20))
    expected = Counter(reason for reason, _ in rude)
    expected["too_large"] += LARGE
    expected["undecodable"] += 2 * len(RETAINED)  # when they are sent, and when the next process subscribes
    async with scene(tmp_path, mosquitto(tmp_path), ingest={"max_series": SERIES}, rate=400) as here:
        here.publish(speed=1)  # strangers tell the time of now
        await here.more_acknowledged(1_000)
        before, port = memory(here, "VmRSS"), here.broker.port
        forget_most(here)
        sent = await stranger.publish(port, (message for _, message in rude))
        sent += await stranger.publish(port, [(METER, b"x" * MEGABYTE)] * LARGE)
        sent += await stranger.publish(port, RETAINED, retain=True)
        sent += await stranger.publish(port, inventions())
        sent += here.load.sent
        await here.until(lambda told: told["acknowledged"] >= sent, "did not take what strangers sent")
        grown = memory(here, "VmHWM") - before
        await here.stopped()
        here.service.launch()
        await here.connected()
        await here.more_acknowledged(500)
        await here.finished()
        told = await here.until(lambda told: _received(told, here.load.sent), "did not store the others")
        count = whole(await here.ledger())
    record(count, told)
    assert grown < GROWTH, f"it grew by {grown / MEGABYTE:.0f} MB"
    refused = Counter(told["rejected"])
    assert 0 < TOPICS - refused.pop("cardinality") < SERIES
    assert refused == expected


def _received(told: dict[str, Any], sent: int) -> bool:
    """Whether every row of the load and of those strangers that were let in is stored."""
    return bool(told["stored_rows"] >= GPUS * sent + TOPICS - told["rejected"]["cardinality"])
