"""The demo's configuration is valid, its story is the same after a restart, and its history goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from energy.configuration.site import SiteOptions
from energy.targets.target import TargetOptions
from runtime.errors import ConfigError
from simulator.demo import HISTORY, Demo, demo_settings
from simulator.faults import Calm, Nonsense
from simulator.messages import messages
from simulator.truth import Truth

NOW = datetime(2026, 11, 22, 14, 23, 7, tzinfo=UTC)


def test_every_site_is_a_valid_table_that_names_what_is_published(tmp_path: Path) -> None:
    tables = demo_settings(tmp_path, 1883, 8080)
    demo = Demo.open(tmp_path, NOW)
    for name, table in tables["sites"].items():
        site = SiteOptions(**table)
        assert site.problems(name) == []
        named = {f"{name}/meter/{meter.id}" for meter in site.meter}
        named |= {f"{name}/supply/{supply.id}" for supply in site.supply}
        named |= {f"{name}/cooling/{unit.id}" for unit in site.cooling}
        named |= {f"{name}/heat/{meter.id}" for meter in site.heat}
        named |= {f"{name}/water/{meter.id}" for meter in site.water}
        published = {
            d.source for d in demo.model.sites[name].devices if d.measurement not in ("gpu", "weather")
        }
        assert named == published
    assert {TargetOptions(**target).site for target in tables["target"]} == set(tables["sites"])


def test_no_supply_gives_more_than_its_table_says(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    hour = NOW.replace(minute=0, second=0)
    for name, table in demo_settings(tmp_path, 1883, 8080)["sites"].items():
        truth = Truth(demo.model.sites[name])
        for supply in table["supply"]:
            if supply["kind"] != "battery":
                hours = (hour - timedelta(hours=n) for n in range(1, 24 * 20))
                most = max(truth.energy_wh(supply["id"], at, at + timedelta(hours=1)) for at in hours)
                assert 0 < most <= 1100 * supply["max_power_kw"]


def test_the_parents_carry_their_children(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    truth = Truth(demo.model.sites["gdansk"])
    span = (NOW.replace(minute=0, second=0) - timedelta(days=20), NOW.replace(minute=0, second=0))
    below: dict[str, int] = {}
    for meter in demo_settings(tmp_path, 1, 2)["sites"]["gdansk"]["meter"]:
        if "parent" in meter:
            below[meter["parent"]] = below.get(meter["parent"], 0) + truth.energy_wh(meter["id"], *span)
    sun = truth.energy_wh("pv-roof", *span)
    assert below["main-1"] < truth.energy_wh("main-1", *span) < 1.08 * below["main-1"]
    assert below["main-2"] < truth.energy_wh("main-2", *span) + sun < 1.08 * below["main-2"]


def test_a_device_that_is_only_there_to_be_refused_says_so_by_its_name(tmp_path: Path) -> None:
    """Its silence is an alarm for ever, which nobody must take for a fault of the service."""
    planted = [f.source for f in Demo.open(tmp_path, NOW).model.faults if isinstance(f, Nonsense)]
    assert planted == ["kaunas/meter/planted-fault"]


def test_a_restart_tells_the_same_story(tmp_path: Path) -> None:
    first = Demo.open(tmp_path, NOW)
    later = Demo.open(tmp_path, NOW + timedelta(days=5), seed=99)
    span = (NOW - timedelta(days=3), NOW - timedelta(days=3) + timedelta(minutes=20))
    assert (later.born, later.seed) == (first.born, first.seed)
    assert list(messages(later.model, *span)) == list(messages(first.model, *span))


def test_history_is_a_month_or_what_is_missing_of_it(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    fresh = demo.history(NOW)
    assert fresh.end == NOW.replace(minute=20, second=0)
    assert fresh.end - fresh.start >= HISTORY
    assert fresh.start == datetime(2026, 9, 30, 21, tzinfo=UTC), "all of October in both zones"
    resumed = demo.history(NOW, newest=NOW - timedelta(hours=5))
    assert resumed.start == NOW.replace(hour=9, minute=15, second=0)
    assert demo.history(NOW, newest=NOW).share == 0.0
    assert demo.history(NOW, newest=NOW - timedelta(days=200)).start == fresh.start
    assert demo.history(NOW, newest=NOW + timedelta(hours=1)).share == 1.0


def test_the_windless_night_costs_gdansk_its_day(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    night = next(f for f in demo.model.faults if isinstance(f, Calm)).window
    days = Truth(demo.model.sites["gdansk"]).rows(night.start, night.start + timedelta(days=1), "P1D")
    assert days[0].hourly_matched < 0.8


def test_a_spoilt_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text('{"born": 5}')
    with pytest.raises(ConfigError, match=r"simulator\.json cannot be read"):
        Demo.open(tmp_path, NOW)


def test_settings_tell_from_when_to_replay(tmp_path: Path) -> None:
    tables = Demo.open(tmp_path, NOW).settings(1883, 8080, replay_from=NOW)
    assert tables["service"]["replay_from"] == "2026-11-22T14:23:07+00:00"
    assert tables["broker"]["url"] == "mqtt://127.0.0.1:1883"
