"""The tap shows the newest values and who spoke, and notices whom nobody takes in."""

from __future__ import annotations

import json

from collectors.connect import open_decoder
from collectors.source import Message
from runtime.clock import ManualClock, from_ms
from telemetry.batch import Batch
from telemetry.catalogue import GPU, METER
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.tap import Tap, Unclaimed
from tests.fakes.frames import T0


class Tapped:
    """A tap and what it shows."""

    def __init__(self) -> None:
        self.registry = SeriesRegistry()
        self.live = LiveState(self.registry)
        self.sources = SourceBook(self.registry, self.live)
        quality = Quality(self.registry, wall=ManualClock(from_ms(T0)))
        taken = lambda source: source.startswith("gdansk/")  # noqa: E731 - as the composition gives it
        self.tap = Tap(self.registry, self.live, self.sources, quality, taken)
        self._decoder = open_decoder("native", self.registry)

    async def hear(self, *messages: tuple[str, object]) -> None:
        """What the collector does with these."""
        batch = Batch()
        told = [Message(topic, json.dumps(content).encode()) for topic, content in messages]
        self._decoder.decode(told, batch, T0)
        await self.tap.commit(batch)
        self.tap.acknowledged(len(told))


async def test_the_newest_values_are_shown() -> None:
    tapped = Tapped()
    await tapped.hear(("dc/v1/gdansk/meter/main-1", {"ts": T0 - 1_000, "power_w": 1.0}))
    await tapped.hear(("dc/v1/gdansk/meter/main-1", {"ts": T0, "power_w": 2.0}))
    await tapped.hear(("dc/v1/gdansk/meter/main-1", {"ts": T0 - 500, "power_w": 9.0}))
    assert tapped.live.value(METER, ("gdansk", "main-1"), "power_w") == (2.0, T0)
    (source,) = tapped.sources.statuses()
    assert (source.source, source.received, source.last_at) == ("gdansk/meter/main-1", 3, from_ms(T0))
    assert tapped.tap.unclaimed is None


async def test_what_would_not_be_stored_is_not_shown() -> None:
    tapped = Tapped()
    await tapped.hear(("dc/v1/gdansk/meter/main-1", {"ts": T0 + 3_600_000, "power_w": 1.0}))
    await tapped.hear(("dc/v1/gdansk/meter/main-1", {"ts": T0, "power_w": 9e99}))
    assert tapped.live.value(METER, ("gdansk", "main-1"), "power_w") is None


async def test_whom_nobody_takes_in_is_counted_once_with_a_sample() -> None:
    tapped = Tapped()
    node = {"ts": T0, "gpus": [{"i": 0, "power_w": 700.0}, {"i": 1, "power_w": 690.0}]}
    for _ in range(3):
        await tapped.hear(
            ("dc/v1/gdansk/a/r1/n01/gpu", node),
            ("dc/v1/kaunas/a/r1/n01/gpu", node),
            ("dc/v1/kaunas/meter/main-1", {"ts": T0, "power_w": 1.0}),
        )
    assert tapped.tap.unclaimed == Unclaimed(2, tapped.tap.unclaimed.sample if tapped.tap.unclaimed else "")
    assert tapped.tap.unclaimed.sample.startswith("kaunas/")
    assert len(tapped.live.table(GPU).series) == 4
