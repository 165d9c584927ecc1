"""Which rows are refused, for what reason, and what is kept of them to look at."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from runtime.clock import ManualClock, from_ms
from telemetry.catalogue import GPU, GRID, METER
from telemetry.quality import REASONS, Quality, QualityOptions
from telemetry.series import SeriesRegistry, measurement_of, source_of
from tests.fakes.frames import T0, Row, frame

MAIN = ("gdansk", "main-1")
DAY = 86_400.0


@pytest.fixture
def registry() -> SeriesRegistry:
    return SeriesRegistry()


@pytest.fixture
def quality(registry: SeriesRegistry) -> Quality:
    return Quality(registry, QualityOptions(), ManualClock(from_ms(T0)))


def test_a_good_frame_passes_untouched(quality: Quality, registry: SeriesRegistry) -> None:
    good = frame(registry, METER, [(MAIN, 0, {"power_w": 1.0}), (MAIN, 60, {"energy_wh": 0.0})])
    checked = quality.check(good)
    assert checked.frame is good
    assert (checked.rejected, checked.samples) == ({}, ())


@pytest.mark.parametrize(
    ("reason", "second", "told"),
    [
        ("not_finite", 0, {"power_w": math.inf}),
        ("not_finite", 0, {"power_w": 1.0, "energy_wh": -math.inf}),
        ("out_of_range", 0, {"power_w": 2.1e9}),
        ("out_of_range", 0, {"energy_wh": -1.0}),
        ("future", 60.001, {"power_w": 1.0}),
        ("too_old", -35 * DAY - 0.001, {"power_w": 1.0}),
        ("no_known_field", 0, {}),
    ],
)
def test_a_bad_row_is_refused_whole_and_its_neighbours_stay(
    quality: Quality, registry: SeriesRegistry, reason: str, second: float, told: dict[str, float]
) -> None:
    rows: list[Row] = [(MAIN, 0, {"power_w": 5.0}), (MAIN, second, told), (MAIN, 1, {"power_w": 6.0})]
    checked = quality.check(frame(registry, METER, rows))
    assert checked.frame.columns["power_w"].tolist() == [5.0, 6.0]
    assert checked.rejected == {reason: 1}
    assert reason in REASONS
    (sample,) = checked.samples
    assert (sample.reason, sample.topic) == (reason, "dc/v1/gdansk/meter/main-1")
    assert sample.detail


def test_limits_are_inside(quality: Quality, registry: SeriesRegistry) -> None:
    rows: list[Row] = [(MAIN, 60, {"power_w": 2e9}), (MAIN, -35 * DAY, {"power_w": -2e9})]
    assert len(quality.check(frame(registry, METER, rows)).frame) == 2


def test_a_row_that_is_wrong_twice_counts_once(quality: Quality, registry: SeriesRegistry) -> None:
    bad = {"power_w": math.inf, "energy_wh": -1.0}
    checked = quality.check(frame(registry, METER, [(MAIN, 1e6, bad)]))
    assert sum(checked.rejected.values()) == 1
    assert len(checked.frame) == 0


def test_a_flood_leaves_a_few_samples(quality: Quality, registry: SeriesRegistry) -> None:
    checked = quality.check(frame(registry, METER, [(MAIN, 0, {"energy_wh": -1.0})] * 500))
    assert checked.rejected == {"out_of_range": 500}
    assert len(checked.samples) == 5
    assert "plausible are 0 to" in checked.samples[0].detail


def test_the_accepted_lateness_is_an_option(registry: SeriesRegistry) -> None:
    strict = Quality(registry, QualityOptions(accepted_lateness=timedelta(hours=1)), ManualClock(from_ms(T0)))
    checked = strict.check(frame(registry, METER, [(MAIN, -3601, {"power_w": 1.0})]))
    assert checked.rejected == {"too_old": 1}


def test_a_time_beyond_any_calendar_is_refused_not_raised(quality: Quality, registry: SeriesRegistry) -> None:
    checked = quality.check(frame(registry, METER, [(MAIN, 1e14, {"power_w": 1.0})]))
    assert checked.rejected == {"future": 1}


@pytest.mark.parametrize(
    ("key", "source"),
    [
        (("gpu", ("gdansk", "a", "r1", "n01", "7")), "gdansk/a/r1/n01/gpu"),
        (("meter", MAIN), "gdansk/meter/main-1"),
        (("grid", ("PL",)), "grid/PL"),
    ],
)
def test_a_series_belongs_to_the_topic_that_tells_it(key: tuple[str, tuple[str, ...]], source: str) -> None:
    assert source_of(key) == source
    assert measurement_of(source) == key[0]


def test_some_topics_belong_to_no_measurement() -> None:
    assert [measurement_of(s) for s in ("gdansk", "gdansk/a/r1/n01", "gdansk/gate/1")] == ["", "", ""]
    assert GPU.name == measurement_of("a/b/c/d/gpu")
    assert GRID.name == measurement_of("grid/LT")
