"""The present: sums, shares, and silence about what is not known."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dashboards.now import Now
from energy.configuration.site import SiteOptions
from runtime.clock import to_ms
from telemetry.catalogue import COOLING, GPU, METER, SUPPLY
from tests.fakes.house import NOW, FakeHouse
from tests.unit.energy.arrays import hourly, sheet, summed

AT = to_ms(NOW)


@pytest.fixture
async def fake(tmp_path: Path) -> FakeHouse:
    house = FakeHouse(tmp_path)
    await house.minute(NOW)
    return house


def read(fake: FakeHouse, at_ms: int = AT):  # type: ignore[no-untyped-def]
    """What gdansk does at ``at_ms``."""
    return Now(fake.house).everything(at_ms)["gdansk"]


def change_site(fake: FakeHouse, **changes: object) -> None:
    """Give gdansk other options."""
    told = fake.sites["gdansk"].model_dump(exclude_none=True) | changes
    fake.sites["gdansk"] = SiteOptions.model_validate(told)


async def test_power_at_the_inlet_is_import_and_own_generation(fake: FakeHouse) -> None:
    now = read(fake)
    assert (now.grid_w.v, now.power_w.v, now.it_w.v, now.pue.v) == (11.4e6, 12e6, 10e6, 1.2)
    assert now.headroom_w.v == 16e6 - 11.4e6


async def test_exported_sun_is_not_claimed(fake: FakeHouse) -> None:
    await fake.read(METER, ("gdansk", "main-1"), NOW, power_w=-0.2e6)
    await fake.read(SUPPLY, ("gdansk", "pv-roof"), NOW, power_w=0.6e6)
    await fake.read(SUPPLY, ("gdansk", "ppa-wind-1"), NOW, power_w=0.1e6)
    now = read(fake)
    assert now.power_w.v == pytest.approx(0.4e6)
    # 0.6 MW of sun less 0.2 MW exported are consumed, which is the whole load; wind adds nothing beyond it.
    assert now.green_share.v == 1.0


async def test_an_inverters_own_use_is_no_negative_generation(fake: FakeHouse) -> None:
    await fake.read(SUPPLY, ("gdansk", "pv-roof"), NOW, power_w=-40.0)
    now = read(fake)
    assert now.power_w.v == 11.4e6
    assert now.green_share.v == pytest.approx(5.4 / 11.4)


async def test_sold_certificates_and_other_zones_are_not_claimed(fake: FakeHouse) -> None:
    supply = [{"id": "pv-roof", "kind": "onsite_solar", "certificates": "sold"}]
    change_site(fake, supply=[*supply, {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "LT"}])
    assert read(fake).green_share.v == 0.0


PLANTS = [
    {"id": "pv", "kind": "onsite_solar"},
    {"id": "pv-sold", "kind": "onsite_wind", "certificates": "sold"},
    {"id": "diesel", "kind": "generator"},
    {"id": "near", "kind": "ppa_wind", "zone": "PL"},
    {"id": "far", "kind": "ppa_wind", "zone": "LT"},
    {"id": "near-sold", "kind": "ppa_solar", "certificates": "sold"},
]


@pytest.mark.parametrize(
    ("inlet", "plants"),
    [
        ((11e6, 0.0), {"pv": 1e6, "near": 2e6, "far": 9e6, "near-sold": 5e6}),
        ((0.0, -1e6), {"pv": 3e6, "pv-sold": 1e6}),  # a quarter of the export is of the plant that was sold
        ((2e6, -1e6), {"pv": 1e6, "pv-sold": 1e6, "near": 0.5e6}),  # in at one meter, out at the other
        ((-1e6, 0.0), {"pv": 0.5e6, "diesel": 2e6}),
        ((1e6, 0.0), {"pv": 1e6, "near": 5e6}),
    ],
)
async def test_at_constant_power_the_present_and_the_ledger_tell_one_share(
    fake: FakeHouse, inlet: tuple[float, float], plants: dict[str, float]
) -> None:
    meters = [{"id": "in-1", "role": "utility"}, {"id": "in-2", "role": "utility"}]
    change_site(fake, meter=[*meters, {"id": "ups-a", "role": "it", "category": "pue1"}], supply=PLANTS)
    rows: dict[str, list[float]] = {}
    for meter, watts in zip(("in-1", "in-2"), inlet, strict=True):
        await fake.read(METER, ("gdansk", meter), NOW, power_w=watts)
        rows |= {
            f"meter/{meter}/energy": hourly(max(0.0, watts)),
            f"meter/{meter}/export": hourly(max(0.0, -watts)),
        }
    for plant in PLANTS:
        watts = plants.get(plant["id"], 0.0)
        await fake.read(SUPPLY, ("gdansk", plant["id"]), NOW, power_w=watts)
        rows[f"supply/{plant['id']}/energy"] = hourly(watts)
    settled = summed(fake.sites["gdansk"], sheet(rows))
    assert read(fake).power_w.v == pytest.approx(settled.edc)
    assert read(fake).green_share.v == pytest.approx(settled.green / settled.edc)


@pytest.mark.parametrize(("battery_w", "load_w"), [(-1e6, 11e6), (1.7e6, 14e6)])
async def test_a_battery_is_no_load_while_it_charges_and_not_green_before_it_is_settled(
    fake: FakeHouse, battery_w: float, load_w: float
) -> None:
    supply = [*PLANTS, {"id": "bat", "kind": "battery", "round_trip": 0.85}]
    change_site(fake, supply=supply)
    for plant in PLANTS:
        await fake.read(SUPPLY, ("gdansk", plant["id"]), NOW, power_w=0.0)
    await fake.read(METER, ("gdansk", "main-1"), NOW, power_w=12e6)
    await fake.read(SUPPLY, ("gdansk", "near"), NOW, power_w=5.5e6)
    await fake.read(SUPPLY, ("gdansk", "bat"), NOW, power_w=battery_w)
    now = read(fake)
    assert (now.power_w.v, now.load_w.v) == (12e6, pytest.approx(load_w))
    assert now.green_share.v == pytest.approx(5.5e6 / load_w)


async def test_a_silent_battery_leaves_the_load_unknown(fake: FakeHouse) -> None:
    change_site(fake, supply=[{"id": "bat", "kind": "battery"}])
    now = read(fake)
    assert now.power_w.v is not None
    assert (now.load_w.v, now.green_share.v) == (None, None)


@pytest.mark.parametrize("age", [180, 181])
async def test_a_reading_is_unknown_after_three_periods(fake: FakeHouse, age: int) -> None:
    later = AT + age * 1000
    await fake.read(METER, ("gdansk", "main-1"), NOW + timedelta(seconds=age), power_w=11.4e6)
    now = read(fake, later)
    if age == 180:
        assert now.pue.v == 1.2
        assert now.power_w.at == AT  # as old as its oldest part
        return
    assert now.grid_w.v == 11.4e6
    assert (now.it_w.v, now.it_w.at) == (None, AT)
    assert now.it_w.reason == "meter ups-a has been silent for 181 s"
    assert (now.power_w.v, now.pue.v, now.green_share.v) == (None, None, None)


async def test_a_meter_whose_power_is_lost_is_not_kept_fresh_by_its_register(fake: FakeHouse) -> None:
    for minute in range(1, 4):
        at = NOW + timedelta(minutes=minute)
        await fake.read(METER, ("gdansk", "ups-a"), at, energy_wh=1e9 + minute)
        await fake.read(METER, ("gdansk", "main-1"), at, power_w=11.4e6)
    now = read(fake, AT + 181_000)
    assert (now.it_w.v, now.it_w.at) == (None, AT)
    assert (now.it_w.reason, now.pue.v) == ("meter ups-a has been silent for 181 s", None)


async def test_a_gpu_that_tells_only_its_temperature_does_not_report_power(fake: FakeHouse) -> None:
    await report_gpus(fake, 10, NOW)
    later = NOW + timedelta(seconds=61)
    await report_gpus(fake, 9, later)
    await fake.read(GPU, ("gdansk", "a", "r1", "n01", "9"), later, temp_c=61.0)
    now = read(fake, to_ms(later))
    assert (now.gpu_w.v, now.gpus, now.reporting) == (6300.0, 10, 9)


async def test_a_silent_wind_farm_makes_the_share_unknown_and_nothing_else(fake: FakeHouse) -> None:
    later = NOW + timedelta(minutes=10)
    for meter, power in (("main-1", 11.4e6), ("ups-a", 10e6)):
        await fake.read(METER, ("gdansk", meter), later, power_w=power)
    await fake.read(SUPPLY, ("gdansk", "pv-roof"), later, power_w=0.6e6)
    now = read(fake, to_ms(later))
    assert now.pue.v == 1.2
    assert now.green_share.v is None
    assert now.green_share.reason is not None
    assert "ppa-wind-1 has been silent for 600 s" in now.green_share.reason


async def test_a_pue_below_one_is_a_fault_and_no_figure(fake: FakeHouse) -> None:
    await fake.read(METER, ("gdansk", "ups-a"), NOW, power_w=13e6)
    now = read(fake)
    assert (now.pue.v, "meter or its role is wrong" in (now.pue.reason or "")) == (None, True)
    await fake.read(METER, ("gdansk", "ups-a"), NOW, power_w=0.0)
    assert read(fake).pue.v is None


async def report_gpus(fake: FakeHouse, reporting: int, at: datetime) -> None:
    """So many of ten GPUs of gdansk report ``at`` a time, 700 W each."""
    for number in range(reporting):
        await fake.read(GPU, ("gdansk", "a", "r1", "n01", str(number)), at, power_w=700.0)


async def test_one_silent_gpu_makes_the_sum_partial_and_touches_no_other_figure(fake: FakeHouse) -> None:
    await report_gpus(fake, 10, NOW)
    whole = read(fake)
    assert (whole.gpu_w.v, whole.gpu_w.note) == (7000.0, "10 of 10 reporting")
    later = NOW + timedelta(seconds=61)
    await report_gpus(fake, 9, later)
    now = read(fake, to_ms(later))
    assert (now.gpu_w.v, now.gpu_w.note) == (6300.0, "partial: 9 of 10 reporting")
    assert (now.gpus, now.reporting, now.gpu_w.at) == (10, 9, to_ms(later))
    assert (now.pue, now.it_w, now.green_share) == (whole.pue, whole.it_w, whole.green_share)


async def test_below_the_completeness_floor_the_sum_of_gpus_is_withheld(fake: FakeHouse) -> None:
    await report_gpus(fake, 10, NOW)
    later = NOW + timedelta(seconds=61)
    await report_gpus(fake, 8, later)
    now = read(fake, to_ms(later))
    assert (now.gpu_w.v, now.gpu_w.reason) == (None, "2 of 10 GPUs are silent")
    assert (now.gpus, now.reporting, now.gpu_w.at) == (10, 8, AT)
    change_site(fake, completeness_floor=0.8)
    assert read(fake, to_ms(later)).gpu_w.v == 5600.0


async def test_a_gpu_that_was_taken_out_is_no_longer_missed(fake: FakeHouse) -> None:
    tomorrow = NOW + timedelta(hours=25)
    await fake.read(GPU, ("gdansk", "a", "r1", "n01", "0"), tomorrow, power_w=640.0)
    now = read(fake, to_ms(tomorrow))
    assert (now.gpu_w.v, now.gpu_w.note) == (640.0, "1 of 1 reporting")


async def test_gpus_that_were_dead_before_a_restart_are_still_missed(fake: FakeHouse) -> None:
    for number in range(10):  # known by name alone, as after a start that found no row of them
        fake.registry.id(GPU, ("gdansk", "a", "r1", "n01", str(number)))
    await report_gpus(fake, 8, NOW)
    now = read(fake)
    assert (now.gpu_w.v, now.gpu_w.reason) == (None, "2 of 10 GPUs are silent")
    assert (now.gpus, now.reporting, now.gpu_w.at) == (10, 8, AT)


async def test_gpus_that_a_start_searched_for_in_vain_are_taken_out_a_day_later(fake: FakeHouse) -> None:
    fake.registry.id(GPU, ("gdansk", "a", "r1", "n01", "9"))
    fake.live.searched(GPU, AT - 3_600_000)
    await report_gpus(fake, 9, NOW)
    assert read(fake).gpu_w.note == "partial: 9 of 10 reporting"
    later = NOW + timedelta(hours=23, minutes=1)
    await report_gpus(fake, 9, later)
    assert read(fake, to_ms(later)).gpu_w.note == "9 of 9 reporting"


async def test_a_cooling_unit_that_was_dead_before_a_restart_is_still_missed(fake: FakeHouse) -> None:
    fake.registry.id(COOLING, ("gdansk", "crah-1"))
    await fake.read(COOLING, ("gdansk", "crah-2"), NOW, power_w=8e4)
    now = read(fake)
    assert (now.cooling_w.v, now.cooling_w.reason) == (None, "1 of 2 cooling units are silent")


async def test_all_sites_tell_how_many_of_all_gpus_report(fake: FakeHouse) -> None:
    await report_gpus(fake, 10, NOW)
    later = NOW + timedelta(seconds=61)
    await report_gpus(fake, 9, later)
    for number in range(2):
        await fake.read(GPU, ("kaunas", "a", "r1", "n01", str(number)), later, power_w=700.0)
    everything = Now(fake.house).everything(to_ms(later))["all"]
    assert (everything.gpu_w.v, everything.gpu_w.note) == (7700.0, "partial: 11 of 12 reporting")
    assert (everything.gpus, everything.reporting) == (12, 11)


async def test_cooling_units_are_never_summed_in_part(fake: FakeHouse) -> None:
    later = NOW + timedelta(seconds=61)
    for unit in range(20):
        await fake.read(COOLING, ("gdansk", f"crah-{unit}"), NOW if unit == 0 else later, power_w=9e4)
    now = read(fake, to_ms(later))
    assert (now.cooling_w.v, now.cooling_w.reason) == (None, "1 of 20 cooling units are silent")


async def test_a_cooling_unit_is_silent_by_its_own_period(fake: FakeHouse) -> None:
    change_site(fake, cooling=[{"id": "slow", "period": "5m"}, {"id": "fast", "period": "10s"}])
    await fake.read(COOLING, ("gdansk", "slow"), NOW, power_w=9e4)

    async def seen(age_s: int) -> tuple[float | None, str | None]:
        later = NOW + timedelta(seconds=age_s)
        await fake.read(COOLING, ("gdansk", "fast"), later, power_w=1e4)
        cooling = read(fake, to_ms(later)).cooling_w
        return cooling.v, cooling.reason

    assert await seen(90) == (10e4, None)
    assert await seen(900) == (10e4, None)
    assert await seen(901) == (None, "1 of 2 cooling units are silent")
    assert read(fake, to_ms(NOW) + 932_000).cooling_w.reason == "2 of 2 cooling units are silent"


async def test_cooling_units_are_summed_where_no_meter_is(fake: FakeHouse) -> None:
    assert read(fake).cooling_w.v is None
    for unit, power in (("crah-1", 9e4), ("crah-2", 8e4)):
        await fake.read(COOLING, ("gdansk", unit), NOW, power_w=power)
    assert read(fake).cooling_w.v == 17e4


async def test_all_is_the_sum_of_sites_and_the_ratio_of_sums(fake: FakeHouse) -> None:
    await fake.read(METER, ("kaunas", "ups-a"), NOW, power_w=5e6)
    everything = Now(fake.house).everything(AT)
    assert everything["all"].power_w.v == 24e6
    assert everything["all"].pue.v == pytest.approx(24 / 15)
    assert everything["all"].green_share.v == pytest.approx(6.6 / 24)


async def test_before_the_first_reading_everything_is_explained(tmp_path: Path) -> None:
    everything = Now(FakeHouse(tmp_path).house).everything(AT)
    for site in everything.values():
        for gauge in site.gauges().values():
            assert gauge.v is None
            assert gauge.reason
