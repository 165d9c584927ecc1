"""The live state shows the newest of each field, whatever order rows come in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue import GPU, METER
from telemetry.live import NEVER, LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0, frame

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")


def test_each_field_keeps_its_newest_value() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    live.update(frame(registry, METER, [(MAIN, 1, {"power_w": 5.0, "energy_wh": 70.0})]))
    live.update(frame(registry, METER, [(MAIN, 2, {"power_w": 6.0})]))
    assert live.value(METER, MAIN, "power_w") == (6.0, T0 + 2000)
    assert live.value(METER, MAIN, "energy_wh") == (70.0, T0 + 1000)
    assert live.value(METER, MAIN, "export_wh") is None
    assert live.value(METER, UPS, "power_w") is None
    assert live.newest_ms() == T0 + 2000


def test_a_lost_register_is_not_dated_by_the_others() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    live.update(frame(registry, METER, [(MAIN, 1, {"power_w": 5e6})]))
    live.update(frame(registry, METER, [(MAIN, 3600, {"energy_wh": 70.0})]))
    assert live.value(METER, MAIN, "power_w") == (5e6, T0 + 1000)
    table = live.table(METER)
    assert table.at_ms.tolist() == [T0 + 3_600_000]
    assert {field: at.tolist() for field, at in table.field_at_ms.items()} == {
        "power_w": [T0 + 1000],
        "energy_wh": [T0 + 3_600_000],
        "export_wh": [NEVER],
    }


@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_of_arrival_does_not_matter(order: list[int], cut: int) -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    for part in (order[:cut], order[cut:]):
        rows = [(MAIN, s, {"energy_wh" if s % 2 else "power_w": float(s)}) for s in part]
        live.update(frame(registry, METER, rows))
    assert live.value(METER, MAIN, "power_w") == (4.0, T0 + 4000)
    assert live.value(METER, MAIN, "energy_wh") == (5.0, T0 + 5000)


def test_a_table_holds_those_who_spoke_and_does_not_change_afterwards() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    assert len(live.table(METER).series) == 0
    registry.id(METER, ("gdansk", "silent"))
    live.update(frame(registry, METER, [(MAIN, 1, {"power_w": 1.0}), (UPS, 1, {"power_w": 2.0})]))
    table = live.table(METER, {"meter": ("ups-a", "silent")})
    live.update(frame(registry, METER, [(UPS, 2, {"power_w": 3.0})]))
    assert table.columns["power_w"].tolist() == [2.0]
    assert table.at_ms.tolist() == [T0 + 1000]
    assert len(live.table(METER).series) == 2


def test_the_newest_time_is_known_for_series_of_any_number() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    rows = frame(registry, METER, [(MAIN, 1, {"power_w": 1.0})])
    assert live.newest_at(METER, rows.series).tolist() == [NEVER]
    live.update(rows)
    asked = np.array([5000, int(rows.series[0])], dtype=np.int32)
    assert live.newest_at(METER, asked).tolist() == [NEVER, T0 + 1000]
    assert live.newest_at(GPU, asked).tolist() == [NEVER, NEVER]
