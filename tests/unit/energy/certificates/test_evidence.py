"""Energy of contracts is proven by certificates that are cancelled; those that are gone claim nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.importing import import_file
from energy.certificates.mapping import MappingOptions
from energy.certificates.plants import holders, mapping_faults, with_plants
from energy.certificates.pool import Wanted
from energy.certificates.registry import registries
from energy.certificates.selection import Selection
from energy.certificates.tables import PART, STAMP
from energy.configuration.roster import record
from energy.interval import QUARTER_MS, Period, Step
from energy.proof import locking
from energy.proof.cause import load_causes
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from energy.tables import SETTLEMENT
from runtime.clock import to_ms
from tests.unit.energy.certificates.settled import MWH, OCTOBER, Month, load
from tests.unit.energy.certificates.vault import ANNA, AT, CANCELLED, file, hour, wind
from tests.unit.energy.plant import site

PPA = {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 1e6}
KASZUBY = MappingOptions(registry="PL", supplies={"farma kaszuby": "gdansk/ppa"})
NOVEMBER = AT + timedelta(hours=1)


@pytest.fixture
async def opened() -> AsyncIterator[list[Month]]:
    months: list[Month] = []
    yield months
    for month in months:
        await month.plant.close()


@pytest.fixture
def month(tmp_path: Path, opened: list[Month]):
    """A site with a contract whose plant is mapped, that used 100 MWh and was delivered 60."""

    async def make(**supply: object) -> Month:
        here = Month(tmp_path, site(supply=[PPA | supply]))
        here.vault.rules = with_plants(registries([KASZUBY]), here.plant.sites)
        here.vault.book._rules = here.vault.rules
        opened.append(here)
        await here.settle({**load(100), "supply/gdansk/ppa/energy_wh": 60})
        return here

    return make


def told(row) -> tuple[float, ...]:
    """REF, the hourly share, and what of both is not proven."""
    return (
        round(row.ref, 6),
        round(row.hourly_matched, 6),
        row.value("unproven_wh") / MWH,
        row.sums["green_unproven_wh"] / MWH,
    )


async def test_a_contract_counts_while_its_certificates_are_awaited_and_says_so(month):
    here = await month()
    assert told(await here.row()) == (0.6, pytest.approx(0.6, abs=1e-4), 60, pytest.approx(60, abs=0.01))
    await here.vault.take(wind(1, 60))
    assert told(await here.row())[2] == 60  # held
    await here.cancel(40)
    row = await here.row()
    assert told(row) == (0.6, pytest.approx(0.6, abs=1e-4), 20, pytest.approx(20, abs=0.01))
    # They prove what is metered, and add nothing beside it.
    assert (row.sums["goo_wh"], row.sums["proven_wh"]) == (0, 40 * MWH)
    await here.cancel(20)
    assert told(await here.row())[2:] == (0, 0)
    assert told(await here.row(as_of=AT - timedelta(seconds=1)))[2] == 60


async def test_a_supply_of_which_nobody_issues_certificates_owes_none(month):
    here = await month(certificates="none")
    assert told(await here.row()) == (0.6, pytest.approx(0.6, abs=1e-4), 0, 0)


@pytest.mark.parametrize("how", ["sold", "elsewhere", "expired"])
async def test_certificates_that_are_gone_are_taken_from_the_claim(month, how):
    here = await month()
    await here.vault.take(wind(1, 60))
    before = await here.row()
    act = Act("Anna", NOVEMBER, document="contract 7")
    if how == "sold":
        await here.vault.book.sell(Wanted("PL"), 15 * MWH, act)
    elif how == "elsewhere":
        here.vault.book._sites = {**here.plant.sites, "krakow": site(name="Kraków")}
        await here.vault.book.allocate(Order("PL", "krakow", "2026-10", 15 * MWH), act)
    else:
        await here.cancel(45)
        before = await here.row()
        late = AT + timedelta(days=400)
        await here.vault.book.expire(late, "amberwatt")
        act = Act("amberwatt", late)
    row = await here.row()
    proven = 45 if how == "expired" else 0
    assert told(row) == (
        0.45,
        pytest.approx(0.45, abs=1e-4),
        45 - proven,
        pytest.approx(45 - proven, abs=0.01),
    )
    assert row.revision == before.revision + 1
    assert (await here.row(as_of=act.at - timedelta(seconds=1))).ref == before.ref
    if how == "elsewhere":
        (part,) = (await here.vault.claims.claimed("krakow", OCTOBER)).claims
        assert (part.proves, part.adds) == (False, True)
        await here.vault.book.release(
            Selection(parts=(part.part,)), Act("Anna", NOVEMBER + timedelta(hours=1))
        )
        assert (await here.row()).ref == before.ref


async def test_what_is_gone_counts_at_a_site_that_nobody_told_of_it(month):
    here = await month()
    await here.vault.take(wind(1, 60))
    assert (await here.row()).ref == 0.6
    here.vault.book._sites = {}  # as in the process that sold, where the contract was not configured yet
    await here.vault.book.sell(Wanted("PL"), 15 * MWH, CANCELLED)
    assert (await here.row()).ref == 0.45
    async with here.plant.database.begin() as connection:
        await connection.execute(delete(STAMP))  # as of what was sold before sales touched anything
    figures = LedgerFigures(here.plant.database, here.plant.store, here.plant.sites)
    now, then = [await figures.kpi("gdansk", OCTOBER, as_of=at) for at in (None, NOVEMBER)]
    assert (now[0].ref, then[0].ref) == (0.45, 0.45)


async def test_an_import_changes_what_is_gone_and_has_a_cause_where_it_was_produced(month, tmp_path):
    here = await month()
    await here.vault.take(wind(1, 60))
    await here.vault.book.sell(Wanted("PL"), 30 * MWH, CANCELLED)
    before = await here.row()
    await here.vault.take(wind(61, 120))
    row = await here.row()
    assert (before.ref, row.ref, row.revision) == (0.3, 0.45, before.revision + 1)
    await here.vault.take(wind(121, 130, days=("2026-11-01", "2026-11-15")))
    assert await here.row() == row  # nothing of November is gone
    desk = ProofDesk(
        here.plant.database, here.figures, here.plant.ledger, SigningKey(tmp_path / "ledger.key")
    )
    await desk.lock("gdansk", "2026-10", locking.Act("Ola", AT + timedelta(days=1)))
    row = await here.row()
    await here.vault.take(wind(201, 260), act=Act("Anna", AT + timedelta(days=2)))
    assert await here.row() == row
    (waiting,) = await desk.pending("gdansk")
    assert waiting.because == ["certificates of gdansk/ppa imported: 60 MWh, november.csv"]
    check = locking.Act("Ola", AT + timedelta(days=4))
    assert (await desk.check(check, whole=False)).sound
    async with here.plant.database.begin() as connection:
        await connection.execute(update(PART).values(volume_wh=PART.c.volume_wh - 1))
    (found,) = (await desk.check(check, whole=False)).differences
    assert "the certificates of its plants that are gone are not those" in found.told


async def test_a_cancellation_that_comes_to_be_known_late_and_one_that_is_void_change_the_claim(month):
    here = await month()
    await here.vault.take(wind(1, 60))
    await here.vault.book.allocate(Order("PL", "gdansk", "2026", 60 * MWH), ANNA)
    late = AT + timedelta(days=400)
    await here.vault.book.expire(late, "amberwatt")
    expired = await here.row()
    served = (await here.vault.claims.claimed("gdansk", OCTOBER)).claims
    own = Selection(parts=tuple(claim.part for claim in served))
    await here.vault.book.cancel(own, AT, Act("Anna", late + timedelta(days=1), "TGE 2026/11/77"))
    back = await here.row()
    assert (expired.ref, back.ref) == (0, 0.6)
    void = Act("Anna", late + timedelta(days=2), "TGE 2027/12/1", "void")
    await here.vault.book.revoke(own, void)
    assert (await here.row()).ref == 0
    async with here.plant.database.read() as connection:
        causes = await load_causes(connection, ["gdansk"], (0, 2**31 - 1), ["certificate"])
    supply = [
        (one.reason.split(":")[0], one.first, one.until) for one in causes if "of gdansk/" in one.reason
    ]
    produced = [to_ms(at) // QUARTER_MS for at in (OCTOBER.start, OCTOBER.end)]
    told = ("expired", "cancelled though expired", "revoked though expired")
    assert supply == [(f"certificates of gdansk/ppa {words}", *produced) for words in told]


async def test_what_was_revoked_expires_as_well(month):
    here = await month()
    await here.vault.take(wind(1, 60))
    await here.cancel(60)
    served = (await here.vault.claims.claimed("gdansk", OCTOBER)).claims
    own = Selection(parts=tuple(claim.part for claim in served))
    await here.vault.book.revoke(own, Act("Anna", NOVEMBER, "TGE 2026/11/79", "void"))
    before = await here.row()
    late = AT + timedelta(days=400)
    assert await here.vault.book.expire(late, "amberwatt") == 1
    row = await here.row()
    assert (before.ref, row.ref, row.revision) == (0.6, 0, before.revision + 1)
    assert (await here.row(as_of=late - timedelta(days=1))).ref == 0.6
    await here.vault.book.release(own, Act("Anna", late + timedelta(days=1)))
    assert (await here.row()).ref == 0


async def test_time_stamped_ones_are_taken_from_their_hour(month):
    here = await month()
    await here.vault.take(hour(1, 50_000, "2026-10-05T10"), hour(60_001, 50_000, "2026-10-05T11"))
    whole = {row.start.hour: row.green_wh for row in await _hours(here)}
    await here.vault.book.sell(Wanted("PL", bundles=(1,)), 25_000, CANCELLED)
    green = {row.start.hour: row.green_wh for row in await _hours(here)}
    assert green[10] == pytest.approx(whole[10] / 2, abs=4)
    assert {h: wh for h, wh in green.items() if h != 10} == {h: wh for h, wh in whole.items() if h != 10}
    mix = await here.figures.mix("gdansk", _fifth(), Step.HOUR)
    assert [row.surplus_wh for row in mix] == [0] * 24  # more was used than the contract gave


async def test_a_plant_that_may_be_a_contracts_is_named_or_refused(database):
    sites = {
        "gdansk": site(supply=[PPA]),
        "kaunas": site(name="Kaunas", grid="LT", supply=[PPA | {"zone": "LT"}]),
    }

    async def taken(*options: MappingOptions, registry: str = "PL"):
        rules = with_plants(registries(options), sites)
        found = await import_file(database, rules[registry], file(wind(1, 5)), ANNA, dry_run=True)
        return [str(remark) for remark in found.wrong], [one.supply for one in found.bundles]

    (told,), _ = await taken()
    assert "plant 'Farma Kaszuby' may be that of gdansk/ppa, whose certificates are kept" in told
    assert "supplies = {}" in told
    assert await taken(MappingOptions(registry="PL", supplies={})) == ([], [None])
    assert await taken(MappingOptions(registry="PL", supplies={"Farma Kaszuby": "none"})) == ([], [None])
    assert await taken(KASZUBY) == ([], ["gdansk/ppa"])
    # Once the contract's plant is known, another one is another one.
    assert await taken(MappingOptions(registry="PL", supplies={"Farma Reda": "gdansk/ppa"})) == ([], [None])
    wrong = [MappingOptions(registry="PL", supplies={"a": "ppa", "b": "lost", "c": "kaunas/ppa"})]
    two, none = mapping_faults(wrong, sites)
    assert two.endswith("supplies 'a': 'ppa' is several: write gdansk/ppa or kaunas/ppa")
    assert (
        "'lost' is no renewable supply of any site; there are: gdansk/ppa, kaunas/ppa; one that has ended"
        in none
    )


async def test_an_own_plant_and_one_that_has_left_are_named_or_refused_as_well(database):
    roof = {"id": "roof", "kind": "onsite_solar", "max_power_kw": 1000}
    before, now = site(supply=[PPA]), site(supply=[roof])
    async with database.begin() as connection:
        await record(connection, {"gdansk": before}, AT)
        settled = {"site": "gdansk", "until": 96, "settled_at": AT}
        await connection.execute(insert(SETTLEMENT).values(settled))
        await record(connection, {"gdansk": now}, AT)

    async def wrong(row: str, *options: MappingOptions):
        rules = with_plants(registries(options), {"gdansk": now})["PL"]
        found = await import_file(database, rules, file(row), ANNA, dry_run=True)
        return [str(remark)[: len(doubt) + 4] for remark in found.wrong]

    sun = wind(1, 5).replace(";wind;", ";solar;")
    doubt = "line 2: plant 'Farma Kaszuby' may be that of gdansk/"
    assert await wrong(sun) == [f"{doubt}roof"]
    assert await wrong(wind(1, 5)) == [f"{doubt}ppa,"]
    assert await wrong(wind(1, 5, zone="LT")) == []
    none = MappingOptions(registry="PL", supplies={"Farma Kaszuby": "none"})
    roof_only = MappingOptions(registry="PL", supplies={"Dach": "roof"})
    assert await wrong(sun, none) == await wrong(wind(1, 5), none) == []
    assert (await wrong(sun, roof_only), len(await wrong(wind(1, 5), roof_only))) == ([], 1)
    assert await wrong(sun, MappingOptions(registry="PL", supplies={})) == []


async def test_certificates_of_a_plant_that_several_buy_of_serve_these_alone(vault):
    shared = PPA | {"plant": "baltica", "share": 0.5}
    sites = {"gdansk": site(supply=[shared]), "sopot": site(supply=[shared]), "krakow": site()}
    vault.rules = with_plants(
        registries([KASZUBY.model_copy(update={"supplies": {"Farma Kaszuby": "baltica"}})]), sites
    )
    vault.book._sites = sites
    await vault.take(wind(1, 10))
    assert holders(sites, ["*/baltica"]) == ["gdansk", "sopot"]
    for name in ("gdansk", "sopot"):
        await vault.book.allocate(Order("PL", name, "2026-10", 4 * MWH), ANNA)
        assert await vault.claims.gone(name, OCTOBER.quarters, 4) == {}
    with pytest.raises(ValueError, match="0 MWh of what was asked for are free"):
        await vault.book.allocate(Order("PL", "krakow", "2026-10", MWH), ANNA)


async def test_production_and_consumption_are_of_one_year_unless_the_registry_says_otherwise(vault):
    await vault.take(
        wind(1, 10, days=("2025-12-01", "2025-12-31")), wind(11, 20, days=("2026-11-01", "2026-11-15"))
    )
    pieces = await vault.book.allocate(Order("PL", "gdansk", "2026-01", 5 * MWH), ANNA)
    assert pieces[0].first == 11
    with pytest.raises(
        ValueError, match=r"10 MWh were not produced between 2026-01-01 and 2027-01-01.*window_months"
    ):
        await vault.book.allocate(Order("PL", "gdansk", "2026-01", 6 * MWH), ANNA)
    vault.book._rules = registries([MappingOptions(registry="PL", window_months=2)])
    pieces = await vault.book.allocate(Order("PL", "gdansk", "2026-01", 6 * MWH), ANNA)
    assert [piece.first for piece in pieces] == [1]


async def _hours(here: Month):
    return await here.figures.kpi("gdansk", _fifth(), Step.HOUR)


def _fifth() -> Period:
    return Period(OCTOBER.start + timedelta(days=4), OCTOBER.start + timedelta(days=5))
