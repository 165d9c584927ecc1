"""What a site may claim: only what is cancelled, each Wh once, and time-stamped ones by their hour."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.consumption import consumption
from energy.certificates.holdings import Holdings
from energy.certificates.pool import Wanted, free_numbers
from energy.certificates.selection import Selection
from energy.certificates.tables import PART
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS, Period
from runtime.clock import to_ms
from runtime.database import Database
from tests.unit.energy.certificates.vault import ANNA, AT, CANCELLED, SITES, Vault, hour, october, wind

MWH = 1_000_000
GDANSK = Order("PL", "gdansk", "2026-10")
TEN = datetime(2026, 10, 5, 10, tzinfo=UTC)
QUARTER_OF_TEN = to_ms(TEN) // QUARTER_MS


def of_october(key: str = "gdansk") -> Selection:
    return Selection(site=key, period=october(key))


async def cancelled(vault: Vault, order: Order = GDANSK) -> None:
    await vault.book.allocate(order, CANCELLED)
    await vault.book.cancel(Selection(site=order.site, period=october(order.site)), AT, CANCELLED)


async def test_a_time_stamped_certificate_is_spread_over_its_hour_in_whole_watt_hours(vault: Vault):
    await vault.take(hour(1, 1_000_003, "2026-10-05T10"))
    assert await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4) == {}
    await vault.book.allocate(GDANSK, ANNA)
    assert await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4) == {}  # held and allocated count nothing
    await vault.book.cancel(of_october(), AT, CANCELLED)
    found = await vault.claims.timed("gdansk", QUARTER_OF_TEN - 2, 8)
    assert list(found) == ["PL"]
    assert found["PL"].tolist() == [0, 0, 250_000, 250_001, 250_001, 250_001, 0, 0]
    half = await vault.claims.timed("gdansk", QUARTER_OF_TEN + 2, 4)
    assert half["PL"].tolist() == [250_001, 250_001, 0, 0]
    before = await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4, AT - timedelta(seconds=1))
    assert before == {}


async def test_one_of_a_foreign_zone_matches_no_hour_and_counts_by_volume(vault: Vault):
    await vault.take(hour(1, 4 * MWH, "2026-10-05T10", zone="SE4"))
    await cancelled(vault)
    assert await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4) == {}
    found = await vault.claims.period("gdansk", october())
    assert (found.by("registry"), found.cancelled_wh) == ({"PL": 4 * MWH}, 0)


async def test_an_untimed_certificate_counts_in_whole_months_and_longer_only(vault: Vault):
    await vault.take(wind(1, 100))
    await cancelled(vault)
    whole = october()
    year = Period(datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC))
    part = Period(whole.start, whole.end - timedelta(days=1))
    told = [(await vault.claims.period("gdansk", period)).cancelled_wh for period in (whole, year, part)]
    assert told == [100 * MWH, 100 * MWH, 0]


async def test_a_certificate_for_a_year_counts_in_no_month_of_it(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, period="2026"), ANNA)
    (part,) = (await vault.claims.claimed("gdansk", october())).claims
    await vault.book.cancel(Selection(parts=(part.part,)), AT, CANCELLED)
    year = Period(part.start, part.end)
    assert (await vault.claims.period("gdansk", october())).cancelled_wh == 0
    assert (await vault.claims.period("gdansk", year)).cancelled_wh == 100 * MWH


async def test_certificates_of_the_sites_own_contract_add_nothing_to_what_is_metered(vault: Vault):
    vault.rules["PL"] = replace(vault.rules["PL"], supplies={"farma kaszuby": "ppa-wind-1"})
    await vault.take(wind(1, 100), hour(1, 4 * MWH, "2026-10-05T10"))
    await cancelled(vault)
    found = await vault.claims.period("gdansk", october())
    assert (found.cancelled_wh, found.by("registry"), len(found.claims)) == (0, {}, 2)
    assert await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4) == {}


async def test_what_is_not_renewable_is_not_allocated(vault: Vault):
    await vault.take("N-1;N-5;5;2026-10-01;2026-10-31;nuclear;Reactor;PL")
    with pytest.raises(ValueError, match="0 MWh of what was asked for are free"):
        await vault.book.allocate(GDANSK, ANNA)


async def test_each_number_is_seen_from_the_certificate_and_from_the_site(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    await vault.book.cancel(of_october(), AT, CANCELLED)
    await vault.book.sell(Wanted("PL"), 10 * MWH, replace(ANNA, document="contract 9"))
    holdings = Holdings(vault.database)
    every = await holdings.holdings(AT)
    assert [(one.numbers, one.state, one.site) for one in every] == [
        ("PL-000001 to PL-000060", "cancelled", "gdansk"),
        ("PL-000061 to PL-000070", "sold", None),
        ("PL-000071 to PL-000100", "held", None),
    ]
    (of_site,) = await holdings.holdings(AT, site="gdansk")
    assert (of_site.statement, of_site.period_start) == ("TGE 2026/11/77", october().start)
    story = await holdings.story(every[0].bundle, AT)
    assert story is not None
    assert (story.file, story.row, story.volume_wh) == ("november.csv", 2, 100 * MWH)
    assert list(story.holdings) == every
    assert [one.kind for one in story.happenings] == ["issued", "held", "allocated", "cancelled", "sold"]
    assert await holdings.story(999, AT) is None
    assert {one.state for one in await holdings.holdings(AT + timedelta(days=400))} == {
        "cancelled", "sold", "expired",
    }  # fmt: skip


RUNS = st.lists(
    st.tuples(st.integers(1, 31), st.integers(0, 9)).map(lambda r: (r[0], r[0] + r[1])), max_size=6
)


@given(RUNS)
def test_what_is_free_and_what_is_taken_are_all_there_is(taken: list[tuple[int, int]]):
    free = [n for low, high in free_numbers((1, 40), taken) for n in range(low, high + 1)]
    gone = {n for low, high in taken for n in range(low, high + 1)}
    assert free == [n for n in range(1, 41) if n not in gone]


SITE_MONTHS = st.tuples(st.sampled_from(["gdansk", "sopot"]), st.sampled_from(["2026-09", "2026-10", "2026"]))
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["allocate", "cancel", "release", "revoke", "sell"]), SITE_MONTHS, st.integers(1, 40)
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=12)
@given(DEEDS)
def test_no_order_of_deeds_makes_a_certificate_serve_twice(tmp_path_factory, deeds):
    folder = tmp_path_factory.mktemp("deeds")
    asyncio.run(_deeds(f"sqlite+aiosqlite:///{folder / 'state.sqlite'}", deeds))


async def _deeds(url: str, deeds) -> None:
    database = Database(url)
    await database.create_all()
    sites: dict[str, SiteOptions] = {"gdansk": SITES["gdansk"], "sopot": SITES["gdansk"]}
    vault = Vault(database, sites)
    await vault.take(wind(1, 30), wind(31, 50, days=("2026-09-01", "2026-09-30")))
    act = Act("Anna", AT, "document", "reason")
    for deed, (site, period), mwh in deeds:
        try:
            await _deed(vault, deed, Order("PL", site, period, mwh * MWH), act)
        except ValueError:
            continue
    async with database.read() as connection:
        parts = (await connection.execute(select(PART).where(PART.c.ended_at.is_(None)))).mappings().all()
    numbers = [n for part in parts for n in range(part["first"], part["last"] + 1)]
    assert len(numbers) == len(set(numbers))
    assert sum(part["volume_wh"] for part in parts) == MWH * len(numbers) <= 50 * MWH
    held = await Holdings(database).holdings(AT)
    assert sum(one.wh for one in held) == 50 * MWH
    await database.close()


async def _deed(vault: Vault, deed: str, order: Order, act: Act) -> None:
    chosen = Selection(site=order.site, period=consumption(order.period, SITES["gdansk"].tz))
    if deed == "allocate":
        await vault.book.allocate(order, act)
    elif deed == "cancel":
        await vault.book.cancel(chosen, AT, act)
    elif deed == "sell":
        await vault.book.sell(Wanted("PL"), order.wh, act)
    else:
        await getattr(vault.book, deed)(chosen, act)


async def test_nothing_is_claimed_by_a_site_without_certificates(vault: Vault):
    assert await vault.claims.stamp("gdansk") == 0
    found = await vault.claims.period("gdansk", october())
    assert found.claims == ()
    assert not np.any([*(await vault.claims.timed("gdansk", QUARTER_OF_TEN, 4)).values()])
