"""A registry's file is taken whole or not at all, and every line that is wrong is named."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from energy.certificates.mapping import MappingOptions
from energy.certificates.pool import Wanted
from energy.certificates.registry import problems, registries
from energy.certificates.serial import number_of
from energy.certificates.sheet import Source, read_sheet
from energy.certificates.tables import BUNDLE, EVENT
from energy.certificates.technology import Technology, technology_of
from tests.unit.energy.certificates.vault import ANNA, AT, HEADERS, Vault, file, hour, wind


def sheet(*rows: str, registry: str = "PL", **options: object):
    rules = registries([MappingOptions.model_validate({"registry": registry, **options})])[registry]
    return read_sheet(file(*rows), rules, AT)


def told(found) -> list[str]:
    return [str(remark) for remark in found]


async def count(vault: Vault, table) -> int:
    async with vault.database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def test_a_file_is_taken_once(vault: Vault):
    first = await vault.take(wind(1, 500), wind(501, 600, zone="DE-LU"))
    assert (first.taken, first.volume_wh, first.wrong) == (True, 600_000_000, ())
    assert told(first.notes) == [
        "line 3: foreign zone DE-LU: counts in REF only, once cancelled; it matches no hour of a site in PL"
    ]
    again = await vault.take(wind(1, 500), wind(501, 600, zone="DE-LU"), act=replace(ANNA, who="Jan"))
    assert (again.taken, again.known, again.wrong) == (False, (AT, "Anna"), ())
    assert (await count(vault, BUNDLE), await count(vault, EVENT)) == (2, 4)


async def test_a_dry_run_tells_and_writes_nothing(vault: Vault):
    found = await vault.take(wind(1, 500), dry_run=True)
    assert (found.taken, found.volume_wh, await count(vault, BUNDLE)) == (False, 500_000_000, 0)


async def test_duplicates_expired_and_foreign_rows_are_each_named_and_nothing_is_taken(vault: Vault):
    await vault.take(wind(1, 100))
    found = await vault.take(
        wind(101, 200),
        wind(150, 250),  # 150 to 200 stand in the line above
        wind(90, 95),  # imported before
        wind(300, 310, days=("2025-06-01", "2025-06-30")),
        wind(400, 410, zone="SE4"),
    )
    assert not found.taken
    assert told(found.wrong) == [
        "line 3: PL-000150 to PL-000250: duplicate of numbers in line 2",
        "line 4: PL-000090 to PL-000095: duplicate of PL-000001 to PL-000100, imported before from "
        "'november.csv', line 2",
        "line 5: expired on 2026-07-01: it can prove nothing any more",
    ]
    assert [remark.line for remark in found.notes] == [6]
    assert "foreign zone SE4" in found.notes[0].text
    assert await count(vault, BUNDLE) == 1


def test_t16_a_certificate_is_a_megawatt_hour():
    (whole,) = sheet("PL-1;PL-988000000;988000000;2026-10-01;2026-10-31;wind;All plants;PL").bundles
    assert (whole.count, whole.certificate_wh) == (988_000_000, 1_000_000)
    assert whole.volume_wh == 988 * 10**12  # 988 TWh
    wrong = sheet("PL-1;PL-10;9,5;2026-10-01;2026-10-31;wind;Farma;PL").wrong
    assert told(wrong) == ["line 2: volume: 10 certificates of 1 MWh each are 10 MWh, not 9.5 MWh"]


def test_time_stamped_certificates_are_of_whole_watt_hours():
    (granular,) = sheet(hour(1, 2_500_000, "2026-10-05T10")).bundles
    assert (granular.timed, granular.certificate_wh, granular.volume_wh) == (True, 1, 2_500_000)
    assert not sheet(wind(1, 2)).bundles[0].timed


def test_a_production_period_is_of_civil_days_and_the_last_one_counts():
    (found,) = sheet(wind(1, 2)).bundles
    assert found.production_start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert found.production_end == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert found.expires_at == datetime(2027, 10, 31, 23, tzinfo=UTC)


def test_an_expiry_that_the_file_tells_holds():
    rules = registries([])["PL"]
    told_in_file = file(wind(1, 2) + ";2026-12-31", headers=HEADERS + ";data ważności")
    (found,) = read_sheet(told_in_file, rules, AT).bundles
    assert found.expires_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    (longer,) = sheet(wind(1, 2), expires_after_months=18).bundles
    assert longer.expires_at == datetime(2028, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("PL-1;PL-2;1.5;2026-10-01;2026-10-31;wind;F;PL", "volume: '1.5' is no amount"),
        ("PL-1;PL-2;1.000,0;2026-10-01;2026-10-31;wind;F;PL", "volume: '1.000,0' is no amount"),
        ("PL-9;PL-2;1;2026-10-01;2026-10-31;wind;F;PL", "number_to: comes before number_from"),
        ("PL-1;XX-2;1;2026-10-01;2026-10-31;wind;F;PL", "number_to: is of another series"),
        ("PL-;PL-2;1;2026-10-01;2026-10-31;wind;F;PL", "number_from: 'PL-' is no number"),
        ("PL-1;;;2026-10-01;2026-10-31;wind;F;PL", "number_to is not told, nor count or volume"),
        ("PL-1;PL-2;2;2026-10-31;2026-10-01;wind;F;PL", "production_end: is not after production_start"),
        ("PL-1;PL-2;2;2026-11-01;2026-11-30;wind;F;PL", "production_end: lies in the future"),
        ("PL-1;PL-2;2;October;2026-10-31;wind;F;PL", "production_start: 'October' is no time"),
        ("PL-1;PL-2;2;2026-10-25T02:15;2026-10-25T03:00;wind;F;PL", "clocks change in Europe/Warsaw"),
        ("PL-1;PL-2;2;2026-10-01;2026-10-31;fusion;F;PL", "technology: 'fusion' is not known"),
        ("PL-1;PL-2;2;2026-10-01;2026-10-31;;F;PL", "technology is not told"),
        ("PL-1;PL-2;2;2026-10-01;2026-10-31;wind;;PL", "plant is not told"),
        ("PL-1;PL-2;2;2026-10-01;2026-10-31;wind;F;P/L", "zone: 'P/L' is no bidding zone"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_its_field(row: str, problem: str):
    found = sheet(wind(100, 200), row)
    assert len(found.bundles) == 1
    assert any(remark.line == 3 and problem in remark.text for remark in found.wrong), told(found.wrong)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe\x00", "the file is no UTF-8 text"),
        (b"", "the file holds no rows"),
        (HEADERS.encode() + b"\n\n", "the file holds no rows"),
        (b"a;b\n1;2\n", "line 1: no column tells number_from"),
        (HEADERS.encode() + b";zone\n1\n", "line 1: two columns are called 'zone'"),
    ],
)
def test_a_file_that_is_none_says_so(content: bytes, problem: str):
    found = read_sheet(Source("f.csv", content), registries([])["PL"], AT)
    assert problem in told(found.wrong)[0]
    assert not found.bundles


def test_the_files_of_each_registry_are_understood_by_its_own_headers():
    polish = (
        "Numer od;Numer do;Wolumen MWh;Okres wytworzenia od;Okres wytworzenia do;Rodzaj źródła;Instalacja\n"
        "643002406027024330000000000001;643002406027024330000000000120;120;2026-09-01;2026-09-30;"
        "elektrownia wiatrowa;Farma Słupsk\n"
    )
    (found,) = read_sheet(Source("tge.csv", polish.encode("utf-8-sig")), registries([])["PL"], AT).bundles
    assert (found.technology, found.zone, found.volume_wh) == (Technology.WIND, "PL", 120_000_000)
    assert found.numbers == "643002406027024330000000000001 to 643002406027024330000000000120"
    lithuanian = (
        "Certificate number from,Certificate number to,Volume (MWh),Production period start,"
        "Production period end,Technology,Production device,Country of origin,Operational date\n"
        "55001,55010,10.0,2026-08-01,2026-08-31,Hydro-electric,Kauno HE,LT,1960-04-18\n"
        "56001,56010,10.0,2026-08-01,2026-08-31,Wind: onshore,Havsnäs,SE,2010-04-18\n"
    )
    home, abroad = read_sheet(Source("lt.csv", lithuanian.encode()), registries([])["LT"], AT).bundles
    assert (home.technology, home.zone, str(home.commissioned)) == (Technology.HYDRO, "LT", "1960-04-18")
    # A plant abroad whose bidding zone is not told is in none of ours.
    assert (abroad.zone, abroad.country) == ("SE", "SE")


def test_a_mapping_of_ones_own_reads_any_file():
    options = {
        "registry": "EE", "expires_after_months": 18, "zones": ["EE"], "unit": "kWh", "decimal": ".",
        "date_form": "%d.%m.%Y", "technology": "wind", "time_zone": "Europe/Tallinn",
        "columns": {"number_from": "Seeria", "volume": "Kogus", "production_start": "Algus",
                    "production_end": ["Lopp", "Lõpp"], "plant": "Jaam"},
    }  # fmt: skip
    rules = registries([MappingOptions.model_validate(options)])["EE"]
    text = "Seeria|Kogus|Algus|Lõpp|Jaam\nE100|3000|01.10.2026|31.10.2026|Aulepa\n"
    (found,) = read_sheet(Source("ee.csv", text.encode()), rules, AT).bundles
    assert (found.volume_wh, found.count, found.zone) == (3_000_000, 3, "EE")
    assert found.production_end == datetime(2026, 10, 31, 22, tzinfo=UTC)


def test_what_is_wrong_with_the_tables_is_named():
    known = [MappingOptions(registry="PL"), MappingOptions(registry="pl"), MappingOptions(registry="EE")]
    assert problems(known) == [
        "certificates[1].registry: 'PL' has a table already; join them",
        "certificates[2]: nothing is known of the registry 'EE': write expires_after_months and zones, the "
        "bidding zones whose sites it serves",
    ]


@pytest.mark.parametrize(
    ("text", "technology"),
    [
        ("Wind: onshore", Technology.WIND),
        ("Saulės elektrinė", Technology.SOLAR),
        ("Cogeneration, biogas", Technology.COGENERATION),
        ("unobtainium", None),
        ("nuclear", Technology.NUCLEAR),
        ("Hydro-electric head installations: Run-of-river", Technology.HYDRO),
        ("elektrownia wodna", Technology.HYDRO),
        ("Hidroelektrinė", Technology.HYDRO),
        ("Vandens elektrinė", Technology.HYDRO),
        ("Hydrogen fuel cell", None),
        ("Hydrogen fuel cell, wind", None),
        ("Ogniwo paliwowe, wodór", None),
        ("Elektrownia wodorowa", None),
        ("Vandenilio elementas", None),
        ("Pumped hydro storage", None),
        ("Elektrownia wodna szczytowo-pompowa", None),
        ("Hidroakumuliacinė elektrinė", None),
        ("Hydrogen from natural gas", Technology.FOSSIL),
    ],
)
def test_a_technology_is_known_by_its_words(text: str, technology: Technology | None):
    assert technology_of(text, {}) is technology


def test_what_only_carries_energy_is_a_technology_where_the_table_names_it():
    assert (
        technology_of("Pumped hydro storage", {"pumped hydro storage": Technology.HYDRO}) is Technology.HYDRO
    )
    (wrong,) = sheet("PL-1;PL-5;5;2026-10-01;2026-10-31;Hydrogen fuel cell;F;PL").wrong
    assert "technology: 'Hydrogen fuel cell' is not known" in str(wrong)


async def test_a_certificate_that_is_not_renewable_is_noted(vault: Vault):
    found = await vault.take("N-1;N-5;5;2026-10-01;2026-10-31;nuclear;Reactor;PL")
    assert told(found.notes) == ["line 2: nuclear is not renewable: it counts nowhere as green"]


async def test_the_registries_are_accounts_of_their_own(vault: Vault):
    await vault.take(wind(1, 10))
    assert (await vault.take(wind(11, 20), registry="LT")).taken
    assert (await vault.take(wind(21, 30))).taken


async def test_the_same_certificates_are_not_held_at_two_registries(vault: Vault):
    await vault.take(wind(1, 10), wind(11, 20))
    same = await vault.take(wind(1, 10), wind(11, 20), registry="LT")
    assert (same.taken, same.known) == (False, None)
    assert told(same.wrong)[0].startswith(
        "the same file was imported by Anna into the account at registry PL;"
    )
    found = await vault.take(wind(21, 30), wind(8, 12), registry="LT")
    assert told(found.wrong) == [
        "line 3: PL-000008 to PL-000012: duplicate of PL-000011 to PL-000020, imported before from "
        "'november.csv', line 3, at registry PL; if they were transferred, sell them there first, by the "
        "document of the transfer"
    ]
    assert await count(vault, BUNDLE) == 2


async def test_what_was_transferred_is_held_where_it_went_once_it_has_left(vault: Vault):
    await vault.take(wind(1, 10), wind(11, 20))
    transfer = replace(ANNA, document="AIB transfer 7")
    await vault.book.sell(Wanted("PL"), 12_000_000, transfer)  # 1 to 12
    too_many = await vault.take(wind(5, 13), registry="LT")
    assert "PL-000005 to PL-000013: duplicate of PL-000011 to PL-000020" in told(too_many.wrong)[0]
    assert (await vault.take(wind(5, 12), registry="LT")).taken
    back = await vault.take(wind(6, 7))
    assert "duplicate of PL-000001 to PL-000010" in told(back.wrong)[0]


async def test_an_import_into_one_registry_waits_for_those_into_others(vault: Vault):
    found = await asyncio.gather(*(vault.take(wind(1, last), registry=key) for key, last in
                                   (("PL", 10), ("LT", 9), ("PL", 8), ("LT", 7))))  # fmt: skip
    assert sorted(one.taken for one in found) == [False, False, False, True]
    assert await count(vault, BUNDLE) == 1


@given(st.integers(1, 10**30), st.integers(0, 20), st.sampled_from(["", "PL-", "GC/26."]))
def test_leading_zeros_make_no_difference(number: int, zeros: int, prefix: str):
    plain, padded = (number_of(f"{prefix}{'0' * many}{number}") for many in (0, zeros))
    assert (padded.series, padded.value) == (plain.series, plain.value)
    assert number_of(plain.written(plain.value)) == plain
    following = number_of(f"{prefix}{number + 1}")
    assert (following.series, following.value) != (plain.series, plain.value)


async def test_the_same_numbers_with_other_zeros_are_a_duplicate(vault: Vault):
    await vault.take("000000000000000001;;5;2026-10-01;2026-10-31;wind;F;PL")
    found = await vault.take("3;;1;2026-10-01;2026-10-31;wind;F;PL")
    assert "duplicate of 000000000000000001 to 000000000000000005" in told(found.wrong)[0]


@pytest.mark.parametrize("last", ["", "1000000000000001"])
def test_numbers_that_run_into_the_next_series_are_two_rows(last: str):
    (wrong,) = sheet(f"999999999999998;{last};4;2026-10-01;2026-10-31;wind;F;PL").wrong
    assert "write them as two rows" in str(wrong)


async def test_what_expires_is_judged_when_it_is_imported(vault: Vault):
    late = replace(ANNA, at=AT + timedelta(days=365))
    found = await vault.take(wind(1, 10), act=late)
    assert told(found.wrong) == ["line 2: expired on 2027-11-01: it can prove nothing any more"]
