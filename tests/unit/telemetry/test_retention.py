"""What is kept how long, and that one store's failure hinders no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.clock import ManualClock, to_ms
from runtime.errors import ConfigError, StoreError
from settings import resolve
from telemetry.catalogue import GPU, METER, Measurement
from telemetry.intake import COMPLETENESS
from telemetry.retention import Retention, RetentionOptions
from telemetry.rollup import HOUR_MS, MINUTE_MS, ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.frames import frame

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Broken(MemoryStore):
    """A store whose disk is gone."""

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        raise StoreError("the disk is gone")


def age(days: float) -> float:
    """Seconds as the rows of tests count them, so many days before now."""
    return (to_ms(NOW - days * DAY) - 1_764_547_200_000) / 1000


async def test_each_measurement_is_kept_as_long_as_its_kind(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    store = MemoryStore(MemoryOptions(), registry, tmp_path)
    kinds = {
        GPU: (("s", "a", "r", "n", "0"), "power_w", 7),
        METER: (("s", "main"), "power_w", 400),
        ROLLUPS["gpu_1m"]: (("s", "a", "r", "n", "0"), "power_w", 400),
        ROLLUPS["site_1m"]: (("s",), "power_w", 400),
        ROLLUPS["meter_1h"]: (("s", "main"), "power_w", 3650),
        COMPLETENESS: (("s/meter/main",), "rows", 3650),
    }
    for position, (measurement, (labels, field, days)) in enumerate(kinds.items(), start=1):
        rows = [(labels, age(at), {field: at}) for at in (days + 0.01, days - 0.01)]
        await store.append([frame(registry, measurement, rows)], position)
    await Retention([store], RetentionOptions(), ManualClock(NOW)).prune(NOW)
    for measurement, (_, field, days) in kinds.items():
        query = SeriesQuery(measurement, NOW - 9000 * DAY, NOW + DAY)
        left = [value async for batch in store.raw(query) for value in batch[field].to_pylist()]
        assert left == [days - 0.01], measurement.name


async def test_a_store_that_fails_hinders_no_other_and_is_told(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    stores = [kind(MemoryOptions(), registry, tmp_path) for kind in (Broken, MemoryStore)]
    await stores[1].append([frame(registry, METER, [(("s", "main"), age(500), {"power_w": 1.0})])], 1)
    with pytest.raises(StoreError, match="the disk is gone"):
        await Retention(stores, RetentionOptions(), ManualClock(NOW)).prune(NOW)
    query = SeriesQuery(METER, NOW - 9000 * DAY, NOW)
    assert [batch.num_rows async for batch in stores[1].raw(query) if batch.num_rows] == []


async def test_nothing_is_pruned_that_was_not_released_and_its_release_is_asked_for_early(
    tmp_path: Path,
) -> None:
    registry, asked = SeriesRegistry(), {}
    store = MemoryStore(MemoryOptions(), registry, tmp_path)
    rows = [(("s", "a", "r", "n", "0"), age(days), {"power_w": days}) for days in (9, 8, 7.5, 6)]
    await store.append([frame(registry, GPU, rows)], 1)

    def release(measurement: Measurement, before: datetime) -> datetime:
        asked[measurement.name] = before
        return NOW - 8 * DAY + timedelta(minutes=1)

    await Retention([store], RetentionOptions(), ManualClock(NOW), release).prune(NOW)
    query = SeriesQuery(GPU, NOW - 9000 * DAY, NOW)
    assert [v async for b in store.raw(query) for v in b["power_w"].to_pylist()] == [7.5, 6.0]
    assert NOW - 7 * DAY < asked["gpu"] < NOW - 6.5 * DAY
    assert asked.keys() >= {"meter", "gpu_1m", "gpu_1h"}


def test_what_may_be_gone_follows_the_clock() -> None:
    clock = ManualClock(NOW)
    retention = Retention([], RetentionOptions(raw=3 * DAY), clock)
    clock.advance(DAY)
    assert retention.gone(GPU) == NOW - 2 * DAY
    assert retention.gone(METER) == NOW - 399 * DAY


def test_rollups_are_whole_only_as_far_back_as_they_are_kept() -> None:
    retention = Retention([], RetentionOptions(minute=30 * DAY), ManualClock(NOW))
    first, last = to_ms(NOW - 90 * DAY), to_ms(NOW)
    assert retention.whole_ms(MINUTE_MS, (first, last)) == (to_ms(NOW - 30 * DAY), last)
    assert retention.whole_ms(HOUR_MS, (first, last)) == (first, last)
    gone = retention.whole_ms(MINUTE_MS, (0, first))
    assert gone[0] == gone[1]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"raw": "12h"}, "retention.raw: Input should be greater than or equal to 1 day"),
        ({"accounting": "30d"}, "retention.accounting: Input should be greater than or equal to 62 days"),
        ({"minute": "5d"}, 'less than raw, of which it is what remains; write minute = "7d" or more'),
        ({"hour": "100d"}, 'write hour = "400d" or more'),
        ({"raw": "soon"}, "retention.raw: 'soon' is not a duration"),
        ({"week": "7d"}, "retention.week: is not a known key"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_key_and_its_fix(table: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve({"retention": table})
    assert any(says in problem for problem in caught.value.problems), caught.value.problems
