"""Files of delivered volumes: what is read, and what is named and refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from energy.certificates.sheet import Source
from energy.contracts.form import VolumeForm
from energy.contracts.plant import plant_of
from energy.contracts.sheet import read_volumes
from energy.interval import QUARTER_MS
from runtime.clock import to_ms
from tests.unit.energy.plant import site

AT = datetime(2026, 11, 20, tzinfo=UTC)
PPA = {"id": "wind", "kind": "ppa_wind", "zone": "PL", "volume": "file", "max_power_kw": 10_000}
PLANT = plant_of({"gdansk": site(supply=[PPA])}, "gdansk", "wind")
WARSAW = VolumeForm(told_zone="Europe/Warsaw")


def quarter(*at: int) -> int:
    return to_ms(datetime(*at, tzinfo=UTC)) // QUARTER_MS


def sheet(*rows: str, form: VolumeForm | None = None, headers: str = "start,volume_kwh", plant=PLANT):
    text = "\n".join([headers, *rows, ""])
    return read_volumes(Source("wind.csv", text.encode()), form or VolumeForm(), plant, AT)


def read(*rows: str, **how: object):
    found = sheet(*rows, **how)
    assert found.wrong == ()
    return [(one.quarter, one.wh, one.line) for one in found.volumes]


def refused(*rows: str, **how: object) -> list[str]:
    found = sheet(*rows, **how)
    assert found.volumes == ()
    return [str(remark) for remark in found.wrong]


def test_quarter_hours_with_an_offset_in_any_order():
    q = quarter(2026, 10, 1)
    assert read("2026-10-01T02:15+02:00,0", "2026-10-01T00:00Z,1.5") == [(q, 1500, 3), (q + 1, 0, 2)]


def test_an_hour_is_spread_over_its_quarters_in_whole_watt_hours():
    found = read("2026-10-01T00:00Z,0.007", "2026-10-01T01:00Z,4")
    assert [wh for _, wh, _ in found] == [2, 2, 2, 1, 1000, 1000, 1000, 1000]


def test_columns_unit_decimals_and_dates_as_somebody_says():
    form = VolumeForm({"end": "Bis", "volume": "Menge"}, "MWh", "Europe/Berlin", 15, ",", ";", "%d.%m.%Y")
    found = read("01.10.2026 02:15;0,25", headers="Bis;Menge", form=form)
    assert found == [(quarter(2026, 10, 1), 250_000, 2)]


def test_both_days_on_which_clocks_change_are_whole():
    spring = [f"2026-03-29T{h:02}:00+0{1 if h < 2 else 2}:00,{h}" for h in range(24) if h != 2]
    assert len(read(*spring)) == 92
    hours = [datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(hours=h) for h in range(25)]
    local = [at.astimezone(WARSAW.tz).isoformat() for at in hours]
    assert len(read(*(f"{at},1" for at in local))) == 100
    told = refused("2026-10-25T01:00,1", "2026-10-25T02:00,1", "2026-10-25T02:00,1", form=WARSAW)
    assert [line.partition(": ")[0] for line in told] == ["line 3", "line 4"]
    assert all("clocks change in Europe/Warsaw then; write the offset" in line for line in told)
    (gone,) = refused("2026-03-29T02:30,1", "2026-03-29T04:00,1", form=WARSAW)
    assert "clocks change" in gone


def test_every_bad_line_is_named_and_none_is_taken():
    told = refused(
        "2026-10-01T00:00Z,1",
        "2026-10-01T00:15,1",
        "2026-10-01T00:30Z,-1",
        "2026-10-01T00:45Z,1.23456",
        "yesterday Z,1",
        "2026-10-01T01:00Z",
    )
    assert [line[:7] for line in told] == ["line 3:", "line 4:", "line 5:", "line 6:", "line 7:"]
    assert "tells no offset from UTC" in told[0]
    assert "is no amount" in told[1]
    assert "is no whole number of Wh" in told[2]


def test_what_cannot_have_been_delivered_is_refused():
    told = refused(
        "2026-10-01T00:00Z,2500",
        "2026-10-01T00:15Z,3001",
        "2026-10-01T00:30Z,2500000",
        "2026-10-01T00:00Z,1",
        "2026-10-01T00:50Z,1",
        "2026-11-20T00:00Z,1",
        form=VolumeForm(minutes=15),
    )
    assert [line[:6] for line in told] == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "more than max_power_kw allows (3,000,000 Wh): is the unit right?" in told[0]
    assert "duplicate: line 2 tells of 2026-10-01 00:00Z already" in told[2]
    assert "is no full quarter-hour of UTC" in told[3]
    assert "has not ended: a forecast is no delivery" in told[4]


def test_another_zone_is_another_plant():
    rows = ("2026-10-01T00:00Z,1,pl", "2026-10-01T00:15Z,1,DE")
    (told,) = refused(*rows, headers="start,volume_kwh,zone")
    assert told == "line 3: zone 'DE': 'wind' delivers in PL; is it another plant's?"


@pytest.mark.parametrize(
    ("headers", "form", "told"),
    [
        ("start,volume", VolumeForm(), "nothing names the unit of 'volume': add --unit"),
        ("start,volume_kwh", VolumeForm(told_unit="MWh"), "'volume_kwh' names kWh; --unit MWh: which?"),
        ("start,what", VolumeForm(), "no column tells volume"),
        ("when,kwh", VolumeForm(), "no column tells start"),
        ("when,kwh", VolumeForm({"start": "Start"}), "no column is called 'Start'; there are: when, kwh"),
        ("start,time,kwh", VolumeForm(), "2 columns tell start"),
    ],
)
def test_headers_must_tell_what_is_meant(headers, form, told):
    (found,) = refused("2026-10-01T00:00Z,1,1", headers=headers, form=form)
    assert found.startswith("line 1: ")
    assert told in found


def test_rows_are_quarter_hours_or_hours():
    (alone,) = refused("2026-10-01T00:00Z,1")
    assert "say by --minutes which these are" in alone
    (daily,) = refused("2026-10-01T00:00Z,1", "2026-10-02T00:00Z,1")
    assert "rows of 15 minutes or of an hour" in daily
    (long,) = refused("2026-10-01T00:00Z,2026-10-01T00:30Z,1", headers="from,to,kwh")
    assert "is 30 minutes long" in long
    assert "no full hour of UTC" in refused("2026-10-01T00:30Z,1", form=VolumeForm(minutes=60))[0]


def test_gaps_and_what_lies_outside_of_the_dates_are_told():
    dated = {**PPA, "valid_from": "2026-10-01T00:15:00Z", "valid_until": "2026-10-01T01:15:00Z"}
    plant = plant_of({"gdansk": site(supply=[dated])}, "gdansk", "wind")
    rows = ("2026-10-01T00:00Z,1", "2026-10-01T00:15Z,1", "2026-10-01T01:15Z,1")
    found = sheet(*rows, plant=plant)
    assert [str(note) for note in found.notes] == [
        "line 4: no row for 2026-10-01 00:30Z to 2026-10-01 01:15Z: not known, as long as no file tells",
        "2 quarter-hours lie outside of the dates of the contract: they count nowhere",
    ]


def test_files_are_for_contracts_that_say_so():
    metered = {**PPA, "volume": "mqtt"}
    with pytest.raises(ValueError, match='takes no files: set volume = "file"'):
        plant_of({"gdansk": site(supply=[metered])}, "gdansk", "wind")
    with pytest.raises(ValueError, match="there is no 'poznan'; choose from gdansk"):
        plant_of({"gdansk": site()}, "poznan", "wind")
    with pytest.raises(ValueError, match="belongs to a contract"):
        site(supply=[{**PPA, "kind": "onsite_wind"}])
    for wrong in ({"told_unit": "GWh"}, {"told_zone": "Mars"}, {"minutes": 30}, {"decimal": ";"}):
        with pytest.raises(ValueError, match=r"^--"):
            VolumeForm(**wrong)
    with pytest.raises(ValueError, match="'power' is no field"):
        VolumeForm({"power": "kW"})
