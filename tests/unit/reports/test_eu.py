"""The EU data set: what is derived, what is refused on entry, and what cannot be together."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from energy.interval import Period
from reports.eu.data_set import DataSet, Entry, Missing, Told, assemble
from reports.eu.declared import checked, option_problems, read_csv, standing
from reports.eu.files import as_json, csv_file, json_file
from reports.eu.item import Value
from reports.eu.items import BY_KEY, ITEMS
from reports.eu.measured import measure
from tests.fakes.figures import SyntheticFigures, site

T1 = {
    "edc_kwh": 10_000_000.0,
    "eit_kwh": 8_000_000.0,
    "win_m3": 12_000.0,
    "ereuse_kwh": 1_500_000.0,
    "eres_goo_kwh": 2_000_000.0,
    "eres_ppa_kwh": 3_000_000.0,
    "eres_os_kwh": 1_000_000.0,
}
DECLARED: dict[str, object] = {
    "dc_name": "Gdańsk 1", "owner_operator": "Amber sp. z o.o.", "location_lau": "2261011",
    "dc_type": "enterprise", "start_ym": "2024-03", "redundancy_electrical": "2N",
    "redundancy_cooling": "N+1", "installed_it_power_kw": 2000, "floor_total_m2": 4000,
    "floor_computer_room_m2": 1500, "edc_bg_kwh": 1200, "other_energy": "none",
    "grid_functions": "no", "battery_to_grid_kw": 0,
    "win_pot_m3": 400, "waste_heat_temp_c": 44, "setpoint_intake_temp_c": 26, "refrigerants": ["R-513A"],
    "cooling_degree_days": 40, "server_capacity": 900, "storage_capacity_pb": 12, "bandwidth_in_gbps": 50,
    "bandwidth_out_gbps": 50, "traffic_in_eb": 0.1, "traffic_out_eb": 0.2,
}  # fmt: skip


def made(
    measured: Mapping[str, float], declared: Mapping[str, object] = DECLARED, over: bool = True
) -> DataSet:
    """The set of these values of 2026."""
    kept, problems = checked(declared)
    assert problems == []
    told = {key: Told(value, "measured") for key, value in measured.items()}
    return assemble("gdansk", 2026, told, {k: Told(v, "declared") for k, v in kept.items()}, over)


def entry(found: DataSet, key: str) -> Entry:
    """One item of the set."""
    return next(entry for entry in found.entries if entry.item.key == key)


def value(found: DataSet, key: str) -> Value | None:
    """What the set tells of one item."""
    told = entry(found, key).told
    return None if told is None else told.value


def test_e_dc_is_all_energy_so_what_else_is_bought_has_to_be_declared() -> None:
    """Nobody may leave district cooling out unseen: PUE would be better by what no meter tells."""
    none = made(T1)
    assert none.state == "complete"
    assert entry(none, "edc_kwh").told.note == "electricity alone: no other energy is bought, as declared"
    silent = made(T1, {key: one for key, one in DECLARED.items() if key != "other_energy"})
    assert silent.state == "incomplete"
    assert "nobody declared whether other energy is bought" in entry(silent, "edc_kwh").told.note
    bought = made(T1, DECLARED | {"other_energy": "bought"})
    assert [value(bought, key) for key in ("edc_kwh", "pue", "ref", "erf")] == [None] * 4
    assert "chilled water, heat or fuel is bought" in entry(bought, "edc_kwh").reason
    whole = made(T1, DECLARED | {"other_energy": "bought", "edc_kwh": 12_000_000})
    assert (value(whole, "edc_kwh"), value(whole, "pue"), whole.state) == (12_000_000, 1.5, "complete")


def test_t1_the_indicators_follow_from_the_measured_year() -> None:
    found = made(T1)
    assert value(found, "eres_tot_kwh") == 6_000_000
    assert value(found, "pue") == 1.25
    assert value(found, "wue") == 1.5
    assert value(found, "erf") == 0.15
    assert value(found, "ref") == 0.60
    assert (found.state, found.problems) == ("complete", [])
    assert [entry.item.key for entry in found.of("derived")] == ["eres_tot_kwh", "pue", "wue", "erf", "ref"]


def test_t9_more_renewable_energy_than_was_used_is_a_factor_of_one() -> None:
    assert value(made(T1 | {"eres_os_kwh": 9e6}), "ref") == 1.0


def test_what_is_missing_stands_apart_with_its_reason() -> None:
    told = {key: Told(amount, "measured") for key, amount in T1.items() if key != "win_m3"}
    found = assemble("gdansk", 2026, {**told, "win_m3": Missing("no water meter tells it")}, {})
    missing = {entry.item.key: entry.reason for entry in found.missing}
    assert missing["win_m3"] == "no water meter tells it"
    assert missing["wue"] == "what it is derived from is missing"
    assert missing["dc_name"] == "nobody declared it"
    assert found.state == "incomplete"
    assert made(T1, over=False).state == "open"


def test_without_certificates_known_no_renewable_total_is_told() -> None:
    found = made({key: amount for key, amount in T1.items() if key != "eres_goo_kwh"})
    assert value(found, "eres_tot_kwh") is None
    assert value(found, "ref") is None


@pytest.mark.parametrize(
    ("key", "wrong", "words"),
    [
        ("dc_type", "huge", "is none of enterprise, colocation, co-hosting"),
        ("start_ym", "2024-13", "is no month"),
        ("installed_it_power_kw", 0, "cannot be; possible is 1 to"),
        ("setpoint_intake_temp_c", 95, "possible is 10 to 45"),
        ("waste_heat_temp_c", "warm", "is no number in degC"),
        ("edc_kwh", float("nan"), "cannot be"),
        ("edc_kwh", True, "is no number in kWh"),
        ("dc_name", " ", "write some text"),
        ("dc_name", "a\nb", "one line"),
        ("refrigerants", [], "name 1 to 20"),
        ("pue", 1.2, "it is derived"),
        ("T_IN", 24, "there is no such item"),
    ],
)
def test_a_wrong_value_is_refused_on_entry_with_the_fix(key: str, wrong: object, words: str) -> None:
    kept, (problem,) = checked({key: wrong})
    assert kept == {}
    assert problem.startswith(f"{key}: ")
    assert words in problem


@pytest.mark.parametrize(
    ("measured", "declared", "words"),
    [
        ({"eit_kwh": 11e6}, {}, "eit_kwh: 11,000,000 kWh is more than edc_kwh"),
        ({}, {"installed_it_power_kw": 800}, "look for a factor of 1000"),
        ({}, {"waste_heat_temp_c": 20}, "is colder than the air that goes in"),
        ({}, {"win_pot_m3": 13_000}, "win_pot_m3: 13,000 m3 is more than win_m3"),
        ({}, {"floor_computer_room_m2": 5000}, "is more than floor_total_m2"),
        ({}, {"start_ym": "2027-01"}, "lies after 2026"),
        ({}, {"edc_kwh": 12e6}, "what is measured counts"),
    ],
)
def test_what_cannot_be_together_is_named(
    measured: dict[str, float], declared: dict[str, object], words: str
) -> None:
    found = made(T1 | measured, DECLARED | declared)
    assert any(words in problem for problem in found.problems)
    assert found.state == "incomplete"


def test_reused_heat_has_a_temperature() -> None:
    found = made(T1, {key: one for key, one in DECLARED.items() if key != "waste_heat_temp_c"})
    assert any(problem.startswith("waste_heat_temp_c: heat was reused") for problem in found.problems)


def test_every_key_is_there_once_and_one_symbol_twice() -> None:
    assert len(BY_KEY) == len(ITEMS) == 37
    assert [item.key for item in ITEMS if item.symbol == "T_IN"] == [
        "setpoint_intake_temp_c",
        "traffic_in_eb",
    ]


def test_the_file_can_be_filled_in_and_declares_what_was_written() -> None:
    exported = csv_file(made(T1, {"dc_name": "=cmd()", "refrigerants": ["R-513A", "R-1234ze"]})).decode()
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert len(rows) == len(ITEMS)
    assert rows[0]["value"] == "'=cmd()"
    declared = read_csv(exported)
    assert declared == {"dc_name": "=cmd()", "refrigerants": "R-513A; R-1234ze"}
    kept, problems = checked(declared)
    assert (kept["refrigerants"], problems) == (["R-513A", "R-1234ze"], [])
    with pytest.raises(ValueError, match="stands in the file twice"):
        read_csv("key,value\r\ndc_name,a\r\ndc_name,b\r\n")
    with pytest.raises(ValueError, match="no columns named key and value"):
        read_csv("a,b\r\n1,2\r\n")


def test_letters_of_the_annex_that_nobody_confirmed_say_so() -> None:
    told = as_json(made(T1))
    notes = {item["key"]: item["annex_note"] for group in ("measured", "declared") for item in told[group]}
    assert notes["edc_kwh"] == notes["eit_kwh"] == ""
    assert "Official Journal" in notes["win_m3"]
    assert json_file(made(T1)) == json_file(made(T1))


def test_options_hold_for_all_years_or_for_one() -> None:
    options = {"dc_type": "colocation", "2025": {"cooling_degree_days": 31}, "cooling_degree_days": 40}
    assert standing(options, 2025)["cooling_degree_days"] == 31
    assert standing(options, 2026)["cooling_degree_days"] == 40
    assert list(option_problems("gdansk", options)) == []
    wrong = {"dc_typ": "x", "2025": {"start_ym": "soon"}, "floor_total_m2": 5, "floor_computer_room_m2": 9}
    problems = list(option_problems("gdansk", wrong))
    assert [problem.split(":")[0] for problem in problems] == [
        "sites.gdansk.eu.2025.start_ym",
        "sites.gdansk.eu.dc_typ",
        "sites.gdansk.eu.floor_computer_room_m2",
    ]


def test_a_pue_of_one_or_less_is_no_value() -> None:
    for eit in (10_000_000.0, 11_000_000.0):
        found = made(T1 | {"eit_kwh": eit})
        assert value(found, "pue") is None
        reason = next(entry.reason for entry in found.missing if entry.item.key == "pue")
        assert "cannot be 1 or less" in reason


def test_what_was_measured_in_part_is_not_divided_by_what_was_declared() -> None:
    edc, eit = Told(9e6, "measured", "", whole=False), Told(8e6, "declared")
    found = assemble("gdansk", 2026, {"edc_kwh": edc}, {"eit_kwh": eit})
    assert value(found, "pue") is None
    assert "edc_kwh" in next(entry.reason for entry in found.missing if entry.item.key == "pue")
    whole = assemble("gdansk", 2026, {"edc_kwh": Told(1e7, "measured")}, {"eit_kwh": eit})
    assert value(whole, "pue") == 1.25


async def test_of_a_year_that_is_hardly_known_nothing_is_measured() -> None:
    day = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC))
    gap = Period(day.start, day.start + timedelta(hours=12))
    figures = SyntheticFigures({"gdansk": site()}, day.end, missing=[gap])
    found = await measure(figures, "gdansk", day, None, 0.9)
    assert {type(one) for one in found.values()} == {Missing}
    assert "50.00 % of the intervals are known, less than the floor of 90.00 %" in str(found["edc_kwh"])
