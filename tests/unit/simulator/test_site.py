"""A site is a function of seed and time, and its energy balances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from runtime.clock import to_ms
from runtime.errors import ServiceError
from simulator.model import Model
from simulator.noise import DAY_MS, HOUR_MS, MINUTE_MS
from simulator.plan import GDANSK, KAUNAS, SitePlan
from simulator.plant import Plant
from simulator.site import Site
from simulator.weather import Place, sun_height
from telemetry.catalogue import MEASUREMENTS, Kind

EPOCH = datetime(2026, 10, 1, tzinfo=UTC)
START = to_ms(EPOCH)
WEEK = np.arange(START, START + 7 * DAY_MS, 15 * MINUTE_MS, dtype=np.int64)


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(GDANSK, 1, START)


def test_the_same_seed_tells_the_same_story(site: Site) -> None:
    again = Site(GDANSK, 1, START)
    times = WEEK[50:60]
    for device, fields in site.profile(times).items():
        for name, values in again.read(device, times).items():
            np.testing.assert_array_equal(values, fields[name])


def test_another_seed_tells_another_story(site: Site) -> None:
    other = Site(GDANSK, 2, START)
    assert (other.power_w(["ups-a"], WEEK) != site.power_w(["ups-a"], WEEK)).any()


def test_asking_in_pieces_backwards_gives_what_asking_at_once_gives(site: Site) -> None:
    fresh = Site(GDANSK, 1, START)
    at_once = site.profile(WEEK)
    cuts = range(len(WEEK) - 97, -97, -97)
    pieces = [fresh.profile(WEEK[max(cut, 0) : cut + 97]) for cut in cuts][::-1]
    for device, fields in at_once.items():
        for name, values in fields.items():
            np.testing.assert_array_equal(np.concatenate([piece[device][name] for piece in pieces]), values)


def test_registers_are_power_integrated_minute_by_minute(site: Site) -> None:
    minutes = np.arange(START, START + DAY_MS + 1, MINUTE_MS, dtype=np.int64)
    for name in ("main-1", "ups-b", "ppa-wind-1", "battery-1/charge"):
        power = site.power_w([name], minutes[:-1])[0]
        energy = site.energy_wh([name], minutes)[0]
        assert abs((energy[-1] - energy[0]) - power.sum() / 60) < 1
        assert (np.diff(energy) >= 0).all()


def test_between_grid_points_a_register_is_a_straight_line(site: Site) -> None:
    begin = START + 5 * HOUR_MS
    inside = np.arange(begin, begin + MINUTE_MS + 1, 1000, dtype=np.int64)
    energy = site.energy_wh(["main-1"], inside)[0]
    line = energy[0] + (energy[-1] - energy[0]) * (inside - begin) / MINUTE_MS
    assert np.abs(energy - line).max() <= 1


def test_gpu_energy_is_the_integral_of_gpu_power(site: Site) -> None:
    device = next(d for d in site.devices if d.measurement == "gpu")
    minutes = np.arange(START, START + 6 * HOUR_MS + 1, 1000, dtype=np.int64)
    fields = site.read(device, minutes)
    integral = fields["power_w"][:-1].sum(axis=0)
    np.testing.assert_allclose(fields["energy_j"][-1] - fields["energy_j"][0], integral, rtol=2e-3)


@pytest.mark.parametrize("plan", [GDANSK, KAUNAS], ids=lambda plan: plan.name)
def test_energy_flows_downhill(plan: SitePlan) -> None:
    site = Site(plan, 1, START)
    ends = np.array([START, START + 7 * DAY_MS], dtype=np.int64)
    used = {name: int(np.diff(site.energy_wh([name], ends)[0])[0]) for name in site.names}
    nodes = site.profile(ends, ["gpu"]).values()
    gpu_wh = sum(float((f["energy_j"][1] - f["energy_j"][0]).sum()) for f in nodes) / 3600
    eit = used["ups-a"] + used["ups-b"]
    inlet = used["main-1"] + used["main-2"] - used["main-1/export"] - used["main-2/export"]
    edc = inlet + used["pv-roof"]
    cooling, battery = (
        used["cooling-1"] + used["cooling-2"],
        used["battery-1/charge"] - used["battery-1/discharge"],
    )
    ups_input = edc - cooling - used["aux"] - battery
    assert 0.75 * eit < gpu_wh < eit < edc
    assert 0.94 < eit / ups_input < 0.975
    assert 0 < battery < 0.15 * used["battery-1/charge"]
    assert used["chiller-1"] < used["cooling-1"]


@pytest.mark.parametrize("month", [1, 4, 7, 11])
def test_pue_stays_believable_in_every_season(month: int) -> None:
    site = Site(GDANSK, 3, to_ms(datetime(2026, month, 1, tzinfo=UTC)))
    days = site.epoch_ms + np.arange(8, dtype=np.int64) * DAY_MS
    inlet = np.diff(site.energy_wh(["main-1", "main-2", "pv-roof"], days)).sum(axis=0)
    export = np.diff(site.energy_wh(["main-1/export", "main-2/export"], days)).sum(axis=0)
    pue = (inlet - export) / np.diff(site.energy_wh(["ups-a", "ups-b"], days)).sum(axis=0)
    assert (pue > 1.1).all()
    assert (pue < 1.35).all()


def test_summer_needs_more_cooling_than_winter() -> None:
    def share(month: int) -> float:
        plant = Plant(GDANSK, 1)
        first = to_ms(datetime(2026, month, 10, tzinfo=UTC)) // DAY_MS
        days = [plant.day(first + n).rates for n in range(5)]
        return float(sum(d["cooling-1"].sum() for d in days) / sum(d["ups-a"].sum() for d in days))

    assert share(7) > 1.3 * share(1)


def test_the_battery_takes_at_night_gives_in_the_evening_and_ends_where_it_began() -> None:
    day = Plant(GDANSK, 1).day(START // DAY_MS)
    given = np.flatnonzero(day.rates["battery-1/discharge"])
    assert given.min() >= 16 * 60
    assert given.max() < 20 * 60
    assert np.flatnonzero(day.rates["battery-1/charge"]).max() < 16 * 60
    assert day.soc[-1] == pytest.approx(0.1, abs=0.002)
    assert 0.3 < day.soc.max() <= 1.0


def test_every_value_is_plausible_and_every_field_is_in_the_catalogue() -> None:
    model = Model(EPOCH)
    for device, fields in model.profile(WEEK).items():
        catalogue = MEASUREMENTS[device.measurement]
        for name, values in fields.items():
            field = catalogue.field(name)
            assert np.isfinite(values).all(), (device, name)
            assert values.min() >= field.low, (device, name)
            assert values.max() <= field.high, (device, name)
            if field.kind is Kind.COUNTER:
                assert (np.diff(values, axis=0) >= 0).all(), (device, name)


def test_a_gigafactory_is_the_same_model_with_other_numbers() -> None:
    plan = SitePlan(
        "giga", "Giga", Place(54.0, 19.0, "Europe/Warsaw"), "pl", racks=250, nodes=25, nodes_per_pool=100
    )
    site = Site(plan, 1, START)
    assert sum(d.measurement == "gpu" for d in site.devices) == 12_500
    nodes = site.profile(np.array([START + HOUR_MS], dtype=np.int64), ["gpu"])
    gpu_w = sum(float(f["power_w"].sum()) for f in nodes.values())
    it_w = int(site.power_w(["ups-a", "ups-b"], np.array([START + HOUR_MS])).sum())
    assert 40e6 < gpu_w < it_w < 90e6


def test_the_sun_is_up_by_day_and_higher_in_summer() -> None:
    place = Place(54.35, 18.65, "Europe/Warsaw")
    noon = np.array([to_ms(datetime(2026, m, 21, 11, tzinfo=UTC)) for m in (6, 12)], dtype=np.int64)
    summer, winter = np.degrees(np.arcsin(sun_height(place, noon)))
    assert summer == pytest.approx(59, abs=2)
    assert winter == pytest.approx(12, abs=2)
    midnight = np.array([to_ms(EPOCH - timedelta(hours=1))], dtype=np.int64)
    assert sun_height(place, midnight)[0] < 0


def test_nothing_is_known_before_the_epoch(site: Site) -> None:
    with pytest.raises(ServiceError, match="earlier epoch"):
        site.energy_wh(["main-1"], np.array([START - 1], dtype=np.int64))


def test_an_epoch_is_a_midnight() -> None:
    with pytest.raises(ServiceError, match="midnight UTC"):
        Site(GDANSK, 1, START + HOUR_MS)
