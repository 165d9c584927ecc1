"""The parts of which the rollups are made, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from runtime.clock import from_ms
from telemetry.catalogue import GPU, METER
from telemetry.intake import COMPLETENESS
from telemetry.rollup import ENERGY, FELL, HOUR_MS, MINUTE_MS, ROLLUPS
from telemetry.rollups.dirty import Dirty, DirtyWindows, Mend
from telemetry.rollups.energy import Register
from telemetry.rollups.release import Release
from telemetry.rollups.retained import Retained
from telemetry.rollups.state import RollupState
from telemetry.rollups.steps import keys_of
from telemetry.rollups.watermark import Watermark
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0, frame

MAIN = ("gdansk", "main-1")


def test_the_state_stands_in_the_counters_of_the_journal() -> None:
    state = RollupState(5, 4, 3, 2, hours_ms=7, since_ms=1, released_ms={"gpu": 9, "gpu_1m": 8})
    counters = {"received": 12, **state.moved_from(RollupState())}
    assert RollupState.of(counters) == state
    assert counters["rollups.closed_ms"] == 5
    later = replace(state, closed_ms=9, resume_position=1, released_ms={"gpu": 9, "gpu_1m": 10})
    moved = later.moved_from(state)
    assert moved == {
        "rollups.closed_ms": 4,
        "rollups.resume_position": -3,
        "rollups.released_ms.gpu_1m": 2,
    }
    assert RollupState.of({name: counters.get(name, 0) + moved.get(name, 0) for name in counters}) == later


@pytest.mark.parametrize(
    ("newest", "now", "closing"),
    [
        (74_999, 900_000, 0),
        (75_000, 900_000, 60_000),
        (800_000, 75_000, 60_000),  # ahead of the wall clock: only that far
        (3_615_000, 9_000_000, 3_600_000),
    ],
)
def test_minutes_close_a_grace_behind_the_newest_row(newest: int, now: int, closing: int) -> None:
    assert Watermark(timedelta(seconds=15)).closing_ms(newest, from_ms(now)) == closing


def test_without_room_or_without_rows_minutes_close_otherwise() -> None:
    watermark = Watermark(timedelta(seconds=15))
    assert watermark.crowded_ms(61_000) == 120_000
    assert watermark.idle_ms(60_000, from_ms(900_000)) == 120_000, "what has rows, and nothing later"
    assert watermark.idle_ms(60_000, from_ms(130_000)) == 60_000, "its grace is not over"


def test_what_is_released_is_whole_steps_of_which_nothing_is_in_hand() -> None:
    release, retained, state = Release(), Retained(), RollupState()
    ask = T0 + 90_000
    assert release.ask(GPU, ask, state) == 0
    assert release.ask(ROLLUPS["gpu_1m"], ask, state) == 0
    assert release.ask(COMPLETENESS, ask, state) is None, "rollups never need it"
    assert release.grant(state, retained) == {"gpu": T0 + 2 * MINUTE_MS, "gpu_1m": T0 + HOUR_MS}
    registry = SeriesRegistry()
    retained.take([frame(registry, GPU, [(("s", "a", "r", "n", "0"), 70, {"power_w": 1.0})])], 7, state)
    assert release.grant(state, retained) == {"gpu": T0 + MINUTE_MS, "gpu_1m": T0}
    retained.let_go(6)
    assert release.grant(state, retained) == {"gpu": T0 + MINUTE_MS, "gpu_1m": T0}
    retained.let_go(7)
    assert release.grant(state, retained) == {"gpu": T0 + 2 * MINUTE_MS, "gpu_1m": T0 + HOUR_MS}


def test_late_rows_of_what_was_released_before_hold_up_no_release() -> None:
    release, retained = Release(), Retained()
    state = RollupState(released_ms={"meter": T0 + HOUR_MS})
    registry = SeriesRegistry()
    rows = [(MAIN, second, {"power_w": 1.0}) for second in (10, 3600 + 3600)]
    retained.take([frame(registry, METER, rows)], 1, state)
    release.ask(METER, T0 + 5 * HOUR_MS, state)
    assert release.grant(state, retained) == {"meter": T0 + 2 * HOUR_MS}
    retained.take([frame(registry, METER, rows[:1])], 2, state)
    retained.let_go(1)
    assert release.grant(state, retained) == {"meter": T0 + HOUR_MS}, "it may be about to be merged"


def test_registers_tell_energy_unless_they_were_read_once_or_fell() -> None:
    def ends(*values: float) -> np.ndarray:
        return 3600.0 * np.array(values)

    nan = np.nan
    register = Register(
        first=ends(1, 1, 5, 5, 1, nan),
        last=ends(1, 4, 2, 9, 4, nan),
        low=ends(1, 1, 2, 3, 1, nan),
        high=ends(1, 4, 6, 9, 8, nan),
    )
    told = register.columns(count=np.array([1, 2, 3, 3, 3, nan]))
    np.testing.assert_array_equal(told[ENERGY], [nan, 3, nan, nan, nan, nan])
    np.testing.assert_array_equal(told[FELL], [nan, nan, 1, 1, 1, nan])
    known = register.columns(np.full(6, 2.0), fell=np.array([1, 1, nan, nan, nan, nan]))
    np.testing.assert_array_equal(known[ENERGY], [nan] * 6)


def _window(mend: Mend, since: int, minute: int) -> Dirty:
    series = np.array([3], dtype=np.int32)
    return Dirty(
        mend, since, since + 1, METER, keys_of(series, np.array([T0 + minute * MINUTE_MS]), MINUTE_MS)
    )


def test_a_flood_of_dirty_windows_is_put_together_but_for_merges() -> None:
    windows = DirtyWindows()
    for k in range(1000):
        windows.add(_window(Mend.RECOMPUTE, k, k % 7))
    merges = [_window(Mend.MERGE, 1000 + k, k) for k in range(300)]
    for one in merges:
        windows.add(one)
    windows.add(_window(Mend.SPREAD, 2000, 3))
    taken = windows.take(T0 + 5 * MINUTE_MS)
    assert [one for one in taken if one.mend is Mend.MERGE] == merges, (
        "in their order, each with its position"
    )
    assert len(taken) < len(merges) + 210
    minutes = {int(key) & 0xFFFF_FFFF for one in taken if one.mend is Mend.RECOMPUTE for key in one.keys}
    assert minutes == {T0 // MINUTE_MS + k for k in range(5)}
    assert windows.since() == 0, "the minutes 5 and 6 are still open"
    assert {one.mend for one in windows.take(T0 + HOUR_MS)} == {Mend.RECOMPUTE}
    assert windows.since() is None
