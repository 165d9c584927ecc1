"""The definitions of the rollups, and what stores may hold beside what devices tell."""

from __future__ import annotations

import pytest

from telemetry.catalogue import MEASUREMENTS, METER
from telemetry.intake import INTAKE
from telemetry.quality import REASONS
from telemetry.rollup import ALL_ROLLUPS, ROLLUPS, STEPS_MS
from telemetry.series import SeriesRegistry
from telemetry.stored import LABELS_OF, STORED, is_told


def test_every_measurement_has_a_rollup_of_each_step_with_the_labels_of_its_base() -> None:
    for base in MEASUREMENTS.values():
        for end, step in STEPS_MS.items():
            one = ALL_ROLLUPS[f"{base.name}_{end}"]
            assert (one.base, one.step_ms, one.group) == (base, step, None)
            assert (one.measurement.labels, one.measurement.of) == (base.labels, base.name)


def test_gauges_keep_their_spread_and_counters_both_ends() -> None:
    assert ROLLUPS["meter_1m"].field_names == (
        *("power_w", "power_w_min", "power_w_max", "power_w_last", "power_w_count"),
        *("energy_wh", "energy_wh_first", "energy_wh_count"),
        *("export_wh", "export_wh_first", "export_wh_count"),
    )
    assert ROLLUPS["gpu_1m"].field_names[-1] == "energy_wh"
    assert ROLLUPS["meter_1m"].field("power_w").weight == "power_w_count"


def test_groups_of_gpus_have_rows_of_their_own() -> None:
    assert (ROLLUPS["rack_1h"].labels, ROLLUPS["site_1m"].labels) == (("site", "hall", "rack"), ("site",))
    assert ROLLUPS["site_1m"].field_names[:3] == ("power_w", "power_w_min", "power_w_max")
    assert ROLLUPS["site_1m"].field_names[-2:] == ("energy_wh", "members")


def test_a_rollup_uses_the_names_of_what_it_was_made_of() -> None:
    registry = SeriesRegistry()
    number = registry.id(METER, ("g", "main-1"))
    assert registry.id(ROLLUPS["meter_1h"], ("g", "main-1")) == number
    assert registry.matching(ROLLUPS["meter_1m"], {"meter": ("main-1",)}) == [number]
    rack = registry.id(ROLLUPS["rack_1m"], ("g", "a", "r1"))
    assert registry.id(ROLLUPS["rack_1h"], ("g", "a", "r1")) == rack != number
    assert registry.labels(rack) == {"site": "g", "hall": "a", "rack": "r1"}


def test_only_what_devices_tell_is_told() -> None:
    assert [name for name, one in STORED.items() if is_told(one)] == list(MEASUREMENTS)
    assert set(LABELS_OF) == {*MEASUREMENTS, "rack", "hall", "site", "source"}


def test_the_intake_has_a_column_for_every_reason() -> None:
    assert [n.removeprefix("rejected_") for n in INTAKE.field_names if n.startswith("rejected_")] == [
        *REASONS
    ]


@pytest.mark.parametrize("name", [*STORED])
def test_no_two_columns_have_one_name(name: str) -> None:
    names = STORED[name].field_names
    assert len(set(names)) == len(names)
    assert not set(names) & {*STORED[name].labels, "series", "at_ms"}
