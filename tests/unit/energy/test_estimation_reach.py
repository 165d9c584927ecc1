"""Which estimates are made anew when something else is settled."""

from __future__ import annotations

from energy.configuration.device import devices
from energy.estimation.estimate import WEEK
from energy.estimation.reach import waiting
from energy.settlement.readings import Span
from tests.unit.energy.plant import site

METERS = [
    {"id": "main-1", "role": "utility", "backup": "main-2"},
    {"id": "main-2", "role": "other"},
    {"id": "ups-a", "role": "it", "category": "pue1"},
]
FOUND = {device.id: device for device in devices("gdansk", site(meter=METERS))}
NOW = Span(100_000, 100_001)


def test_time_alone_asks_for_what_has_become_old_enough():
    assert waiting(FOUND, {}, NOW) == {name: [NOW] for name in FOUND}


def test_what_was_measured_late_is_history_of_three_weeks():
    late = Span(NOW.first - 3 * WEEK, NOW.first - 3 * WEEK + 2)
    found = waiting(FOUND, {"ups-a": [late]}, NOW)
    assert found["main-1"] == found["main-2"] == [NOW]
    assert found["ups-a"] == [
        Span(late.first - 4, late.until + 4),
        Span(late.first + WEEK - 4, late.until + WEEK + 4),
        Span(late.first + 2 * WEEK - 4, late.until + 2 * WEEK + 4),
        Span(NOW.first - 4, NOW.until),
    ]


def test_a_backup_that_measured_late_asks_for_the_meter_that_relies_on_it():
    late = Span(NOW.first - 200, NOW.first - 100)
    found = waiting(FOUND, {"main-2": [late]}, NOW)
    assert found["main-1"] == [Span(late.first - 4, NOW.until)]
    assert found["ups-a"] == [NOW]


def test_what_is_still_young_waits():
    assert waiting(FOUND, {"ups-a": [Span(NOW.until, NOW.until + 8)]}, NOW)["ups-a"] == [
        Span(NOW.until - 4, NOW.until)
    ]
