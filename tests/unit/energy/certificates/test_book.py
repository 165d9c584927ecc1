"""Each certificate serves one site and one period, once; what is cancelled stays so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.claims import PeriodClaims
from energy.certificates.importing import import_file
from energy.certificates.pool import Wanted
from energy.certificates.selection import Selection
from energy.certificates.tables import EVENT, PART
from energy.proof.cause import load_causes
from energy.proof.tables import CAUSE
from tests.unit.energy.certificates.vault import (
    ANNA,
    AT,
    CANCELLED,
    HEADERS,
    Vault,
    file,
    hour,
    october,
    wind,
)

MWH = 1_000_000
GDANSK = Order("PL", "gdansk", "2026-10")
SOON = timedelta(seconds=1)
"""By then all that was entered at one moment is known, each later than what was entered before."""


def of_october(key: str = "gdansk") -> Selection:
    return Selection(site=key, period=october(key))


def expired(found: PeriodClaims) -> int:
    """Wh of what expired before it was cancelled."""
    return found.by("registry", "expired").get("PL", 0)


async def parts(vault: Vault):
    async with vault.database.read() as connection:
        return (await connection.execute(select(PART).order_by(PART.c.id))).mappings().all()


async def test_a_bundle_is_split_by_numbers(vault: Vault):
    await vault.take(wind(1, 100))
    (first,) = await vault.book.allocate(replace(GDANSK, wh=30 * MWH), ANNA)
    (second,) = await vault.book.allocate(replace(GDANSK, wh=20 * MWH, period="2026-09"), ANNA)
    assert [first.numbers, second.numbers] == ["PL-000001 to PL-000030", "PL-000031 to PL-000050"]
    found = await vault.claims.period("gdansk", october())
    assert (found.pending_wh, found.cancelled_wh) == (30 * MWH, 0)


async def test_what_expires_first_is_taken_first(vault: Vault):
    await vault.take(wind(1, 10), wind(11, 20, days=("2026-02-01", "2026-02-28")))
    pieces = await vault.book.allocate(replace(GDANSK, wh=15 * MWH), ANNA)
    assert [piece.numbers for piece in pieces] == ["PL-000011 to PL-000020", "PL-000001 to PL-000005"]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (replace(GDANSK, wh=101 * MWH), "101 MWh cannot be taken: 100 MWh"),
        (replace(GDANSK, wh=1_500_000), "1.5 MWh cannot be made of whole certificates; 1 can"),
        (replace(GDANSK, wh=0), "volume: must be above 0"),
        (replace(GDANSK, site="oslo"), "site: there is no 'oslo'"),
        (replace(GDANSK, registry="XX"), "registry: there is no 'XX'"),
        (replace(GDANSK, period="October"), "'October' is no month and no year"),
        (replace(GDANSK, site="kaunas"), "name the document that proves the transfer"),
    ],
)
async def test_what_cannot_be_allocated_is_refused_and_nothing_is_taken(vault: Vault, order, problem):
    await vault.take(wind(1, 100))
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        await vault.book.allocate(order, ANNA)
    assert await parts(vault) == []


async def test_many_at_once_never_take_more_than_there_is(vault: Vault):
    await vault.take(wind(1, 100))
    orders = [replace(GDANSK, wh=30 * MWH, period=f"2026-{month:02d}") for month in range(1, 7)]
    done = await asyncio.gather(
        *(vault.book.allocate(order, ANNA) for order in orders), return_exceptions=True
    )
    assert sum(isinstance(one, list) for one in done) == 3
    assert all(isinstance(one, (list, ValueError)) for one in done), done
    taken = sorted((part["first"], part["last"]) for part in await parts(vault))
    assert taken == [(1, 30), (31, 60), (61, 90)]


async def test_only_what_is_cancelled_counts_and_it_is_known_since_when(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    before = await vault.claims.stamp("gdansk")
    later = replace(CANCELLED, at=AT + timedelta(days=1))
    await vault.book.cancel(of_october(), AT, later)
    assert await vault.claims.stamp("gdansk") != before
    assert await vault.claims.stamp("kaunas") == 0
    now, then = [await vault.claims.period("gdansk", october(), as_of) for as_of in (None, AT + SOON)]
    assert (now.cancelled_wh, now.pending_wh) == (60 * MWH, 0)
    assert (then.cancelled_wh, then.pending_wh) == (0, 60 * MWH)
    assert now.by("registry") == {"PL": 60 * MWH}
    assert now.by("technology") == {"wind": 60 * MWH}
    earlier = await vault.claims.period("gdansk", october(), AT - timedelta(seconds=1))
    assert earlier.claims == ()


async def test_what_is_cancelled_is_final(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    (row,) = await vault.book.cancel(of_october(), AT, CANCELLED)
    part = Selection(parts=(row["part"],))
    for change in (vault.book.release(part, ANNA), vault.book.cancel(part, AT, CANCELLED)):
        with pytest.raises(ValueError, match="what is cancelled stays so unless it is revoked"):
            await change
    with pytest.raises(ValueError, match="nothing of that can be released"):
        await vault.book.release(of_october(), ANNA)


async def test_a_revocation_is_recorded_and_counts_no_more(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    await vault.book.cancel(of_october(), AT, CANCELLED)
    with pytest.raises(ValueError, match="reason"):
        await vault.book.revoke(of_october(), CANCELLED)
    void = Act("Anna", AT + timedelta(hours=1), "TGE letter 3", "cancelled for the wrong beneficiary")
    await vault.book.revoke(of_october(), void)
    found = await vault.claims.period("gdansk", october())
    assert (found.cancelled_wh, [claim.state for claim in found.claims]) == (0, ["revoked"])
    assert (await vault.claims.period("gdansk", october(), AT + SOON)).cancelled_wh == 60 * MWH
    async with vault.database.read() as connection:
        causes = await load_causes(connection, ["gdansk"], (0, 2**31 - 1))
    assert [(cause.kind, cause.who) for cause in causes] == [("certificate", "Anna")] * 2
    assert causes[0].reason == "certificates of PL cancelled: 60 MWh, TGE 2026/11/77"
    assert causes[1].reason.endswith("TGE letter 3: cancelled for the wrong beneficiary")
    # The registry gave them back: they may serve again.
    await vault.book.release(of_october(), ANNA)
    assert len(await vault.book.allocate(replace(GDANSK, wh=100 * MWH), ANNA)) == 1


async def test_every_step_is_an_event_that_stays(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    await vault.book.release(of_october(), ANNA)
    await vault.book.allocate(replace(GDANSK, wh=50 * MWH), ANNA)
    await vault.book.cancel(of_october(), AT, CANCELLED)
    await vault.book.sell(Wanted("PL"), 40 * MWH, replace(ANNA, document="contract 9"))
    async with vault.database.read() as connection:
        events = (await connection.execute(select(EVENT).order_by(EVENT.c.id))).mappings().all()
    assert [(e["kind"], e["first"], e["last"], e["document"]) for e in events] == [
        ("issued", 1, 100, "november.csv"),
        ("held", 1, 100, "november.csv"),
        ("allocated", 1, 60, None),
        ("released", 1, 60, None),
        ("allocated", 1, 50, None),
        ("cancelled", 1, 50, "TGE 2026/11/77"),
        ("sold", 51, 90, "contract 9"),
    ]
    with pytest.raises(ValueError, match="10 MWh of what was asked for are free"):
        await vault.book.allocate(replace(GDANSK, wh=11 * MWH), ANNA)


async def test_what_is_sold_needs_a_contract(vault: Vault):
    await vault.take(wind(1, 100))
    with pytest.raises(ValueError, match="document: name the contract"):
        await vault.book.sell(Wanted("PL"), MWH, ANNA)


async def test_what_has_expired_can_neither_be_allocated_nor_cancelled(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    late = AT + timedelta(days=350)
    with pytest.raises(ValueError, match="0 MWh of what was asked for are free"):
        await vault.book.allocate(replace(GDANSK, wh=MWH), replace(ANNA, at=late))
    with pytest.raises(ValueError, match=r"PL-000001 to PL-000060: expired on 2027-10-31"):
        await vault.book.cancel(of_october(), late, replace(CANCELLED, at=late))
    assert await vault.book.expire(late, "amberwatt") == 2
    assert await vault.book.expire(late, "amberwatt") == 0
    found = await vault.claims.period("gdansk", october())
    assert (expired(found), found.pending_wh, found.cancelled_wh) == (60 * MWH, 0, 0)
    assert (await vault.claims.period("gdansk", october(), AT + SOON)).pending_wh == 60 * MWH


@pytest.mark.parametrize("marked", [False, True])
async def test_a_cancellation_that_is_entered_late_counts_by_its_own_day(vault: Vault, marked: bool):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    late = AT + timedelta(days=350)
    if marked:
        await vault.book.expire(late, "amberwatt")
    await vault.book.cancel(of_october(), AT + timedelta(days=30), replace(CANCELLED, at=late))
    found = await vault.claims.period("gdansk", october())
    assert (found.cancelled_wh, expired(found)) == (60 * MWH, 0)
    assert await vault.book.expire(late + timedelta(days=1), "amberwatt") == (0 if marked else 1)
    assert (await vault.claims.period("gdansk", october())).cancelled_wh == 60 * MWH


async def test_what_had_expired_by_the_day_of_a_statement_stays_expired(vault: Vault):
    await vault.take(wind(1, 60), wind(101, 130, days=("2026-01-01", "2026-01-05")))
    await vault.book.allocate(GDANSK, ANNA)
    old, young = sorted(await parts(vault), key=lambda part: part["volume_wh"])
    late = AT + timedelta(days=60)
    assert await vault.book.expire(late, "amberwatt") == 1
    with pytest.raises(ValueError, match=r"PL-000101 to PL-000130: expired on 2027-01-05"):
        await vault.book.cancel(Selection(parts=(old["id"],)), late, replace(CANCELLED, at=late))
    (cancelled,) = await vault.book.cancel(of_october(), late, replace(CANCELLED, at=late))
    assert cancelled["part"] == young["id"]
    found = await vault.claims.period("gdansk", october())
    assert (found.cancelled_wh, expired(found)) == (60 * MWH, 30 * MWH)


async def test_what_has_expired_is_released_and_serves_nobody_again(vault: Vault):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    late = AT + timedelta(days=350)
    await vault.book.expire(late, "amberwatt")
    (released,) = await vault.book.release(of_october(), replace(ANNA, at=late))
    assert released["volume_wh"] == 60 * MWH
    assert expired(await vault.claims.period("gdansk", october())) == 0
    with pytest.raises(ValueError, match="0 MWh of what was asked for are free"):
        await vault.book.allocate(replace(GDANSK, wh=MWH), replace(ANNA, at=late))
    assert await vault.book.expire(late, "amberwatt") == 0


@pytest.mark.parametrize(
    ("days", "problem"), [(1, "in the future has not happened"), (-60, "cancelled before they were produced")]
)
async def test_a_cancellation_has_a_day_that_can_be(vault: Vault, days: int, problem: str):
    await vault.take(wind(1, 100))
    await vault.book.allocate(replace(GDANSK, wh=60 * MWH), ANNA)
    with pytest.raises(ValueError, match=problem):
        await vault.book.cancel(of_october(), AT + timedelta(days=days), CANCELLED)
    with pytest.raises(ValueError, match="cancellation statement"):
        await vault.book.cancel(of_october(), AT, ANNA)


async def test_what_is_only_issued_has_to_be_received_before_it_can_be_cancelled(vault: Vault):
    row = "PL-1;PL-9;9;2026-10-01;2026-10-31;wind;Farma;PL;issued"
    await import_file(vault.database, vault.rules["PL"], file(row, headers=HEADERS + ";state"), ANNA)
    (piece,) = await vault.book.allocate(GDANSK, ANNA)
    with pytest.raises(ValueError, match="not on our account yet"):
        await vault.book.cancel(of_october(), AT, CANCELLED)
    assert await vault.book.receive([piece.bundle["id"]], ANNA) == 1
    await vault.book.cancel(of_october(), AT, CANCELLED)


async def test_time_stamped_certificates_serve_only_the_period_they_were_made_in(vault: Vault):
    await vault.take(hour(1, 4_000_000, "2026-10-05T10"), hour(5_000_001, 1_000_003, "2026-09-05T10"))
    pieces = await vault.book.allocate(GDANSK, ANNA)
    assert [piece.wh for piece in pieces] == [4_000_000]
    async with vault.database.read() as connection:
        assert (await connection.execute(select(CAUSE))).first() is None
