"""Truth is register differences, matched by the hour, in months as long as the clock makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from runtime.clock import to_ms
from simulator.faults import Calm, MeterReset, Window
from simulator.model import Model
from simulator.true_store import Hour, TrueStore
from simulator.truth import Truth

EPOCH = datetime(2026, 9, 28, tzinfo=UTC)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(EPOCH)


@pytest.fixture(scope="module")
def truth(model: Model) -> Truth:
    return Truth(model.sites["kaunas"])


def test_a_day_is_the_difference_of_its_registers(model: Model, truth: Truth) -> None:
    start, end = EPOCH + timedelta(days=2), EPOCH + timedelta(days=3)
    ends = np.array([to_ms(start), to_ms(end)], dtype=np.int64)

    def used(*names: str) -> int:
        return int(np.diff(model.sites["kaunas"].energy_wh(names, ends), axis=1).sum())

    row = truth.period(start, end)
    exported = used("main-1/export", "main-2/export")
    assert row.edc_wh == used("main-1", "main-2", "pv-roof") - exported
    assert row.eit_wh == used("ups-a", "ups-b")
    assert row.contracted_wh == used("pv-roof", "ppa-wind-1", "ppa-solar-1") - exported
    assert truth.energy_wh("aux", start, end) == used("aux")


def test_quarters_make_hours_make_days_make_a_month(truth: Truth) -> None:
    month = truth.month("2026-10")
    for step in ("PT15M", "PT1H", "P1D", "P1M"):
        rows = truth.rows(month.start, month.end, step)
        assert sum(row.edc_wh for row in rows) == month.edc_wh
        assert sum(row.eit_wh for row in rows) == month.eit_wh
        assert sum(row.matched_wh for row in rows) == pytest.approx(month.matched_wh, abs=0.01)


def test_an_hour_is_matched_by_what_was_made_in_it(truth: Truth) -> None:
    for row in truth.rows(EPOCH, EPOCH + timedelta(days=7), "PT1H"):
        assert row.stored_wh <= row.matched_wh
        covered = row.contracted_wh + row.stored_wh
        assert row.matched_wh == pytest.approx(min(row.load_wh, covered), abs=0.01)


def test_a_battery_is_traced_parcel_by_parcel() -> None:
    store = TrueStore()
    #                                  load, contracted, charged, drawn, given
    assert store.pass_hour(Hour(100, 100, 40, 0, 0)) == 0  # from the grid
    assert store.pass_hour(Hour(100, 130, 40, 0, 0)) == 0  # three quarters of it surplus
    assert (
        store.pass_hour(Hour(100, 0, 0, 60, 51)) == 12
    )  # the 40, and of 20 the 15 that were green, less 15 %
    assert store.pass_hour(Hour(100, 0, 0, 40, 34)) == 12  # the other 20; then nothing was left


def test_the_battery_of_a_site_gives_back_less_than_it_took(truth: Truth) -> None:
    week = truth.period(EPOCH, EPOCH + timedelta(days=2))
    taken, given = (
        truth.energy_wh(f"battery-1/{way}", week.start, week.end) for way in ("charge", "discharge")
    )
    assert 0 < week.stored_wh <= given < taken
    assert week.load_wh == pytest.approx(week.edc_wh, rel=1e-4)  # each day it ends where it began


def test_october_is_an_hour_longer_than_its_days(truth: Truth, model: Model) -> None:
    month = truth.month("2026-10")
    assert len(truth.rows(month.start, month.end, "PT15M")) == 2980
    assert len(truth.rows(month.start, month.end, "P1D")) == 31
    assert Truth(model.sites["gdansk"]).month("2026-10").start == month.start + timedelta(hours=1)


def test_march_is_an_hour_shorter() -> None:
    truth = Truth(Model(datetime(2026, 2, 27, tzinfo=UTC)).sites["gdansk"])
    month = truth.month("2026-03")
    assert len(truth.rows(month.start, month.end, "PT15M")) == 2972


def test_truth_begins_and_ends_at_quarter_hours(truth: Truth) -> None:
    with pytest.raises(ValueError, match="quarter-hour"):
        truth.period(EPOCH + timedelta(minutes=7), EPOCH + timedelta(hours=1))


def test_a_lying_meter_does_not_change_the_truth_but_a_windless_night_does() -> None:
    night = Window(EPOCH + timedelta(hours=20), EPOCH + timedelta(hours=26))
    day = (EPOCH, EPOCH + timedelta(days=2))
    plain = Truth(Model(EPOCH).sites["gdansk"]).period(*day)
    lying = Model(EPOCH, faults=[MeterReset("gdansk/meter/main-1", night.start)])
    calm = Model(EPOCH, faults=[Calm("gdansk", night)])
    assert Truth(lying.sites["gdansk"]).period(*day) == plain
    still = Truth(calm.sites["gdansk"])
    assert still.period(*day).edc_wh == plain.edc_wh
    assert still.period(*day).matched_wh < plain.matched_wh
    assert still.period(night.start, night.end).hourly_matched < 0.02
