"""Certificates of the demo: invented ones, so that the pages show what becomes of certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.consumption import consumption
from energy.certificates.desk import Certificates
from energy.certificates.pool import Wanted
from energy.certificates.selection import Selection
from energy.certificates.sheet import Source
from energy.interval import Period, month_of
from energy.proof.cause import SERVICE
from runtime.log import hushed
from runtime.migrate import open_database
from settings import Configuration
from simulator.demo import CONTRACTED

WHO = "demo"
_MWH = 1_000_000
_HEADERS = "number_from,number_to,volume,production_start,production_end,technology,plant,zone"
ORDERS = {"gdansk": ("PL", 8), "kaunas": ("LT", 8)}
"""By site, of which registry how many MWh serve its last month beside those of its contract and of a night.

A month of either site is 45 MWh or more, and all that serve it are fewer.
"""


async def furnish(configuration: Configuration, now: datetime) -> None:
    """Certificates of last month for both sites: cancelled, pending, foreign, time-stamped, held, expired.

    What is there already stays as it is.
    """
    database = await open_database(configuration.settings.service.database_url)
    try:
        desk = Certificates(database, configuration.settings.sites, configuration.settings.certificates)
        with hushed():
            for site, (registry, mwh) in ORDERS.items():
                await _serve(desk, (site, registry, mwh), now)
            await desk.book.expire(now, SERVICE)
    finally:
        await database.close()


async def _serve(desk: Certificates, what: tuple[str, str, int], now: datetime) -> None:
    site, registry, mwh = what
    tz = desk.sites[site].tz
    last = month_of(month_of(now, tz).start - timedelta(days=1), tz)
    month, old = f"{last.start.astimezone(tz):%Y-%m}", last.end - timedelta(days=430)
    await desk.take(registry, _expired(registry, old), Act(WHO, old + timedelta(days=40)))
    found = await desk.take(registry, _of_month(desk, what, last), Act(WHO, now))
    if not found.taken:
        return
    bundles = {one.numbers: one.bundle for one in await desk.holdings.holdings(now, registry)}
    order = Order(registry, site, month, mwh * _MWH)
    proof = Act(WHO, now, document=f"example statement {registry} {month}")
    timed = tuple(number for numbers, number in bundles.items() if numbers.startswith(f"{registry}-T"))
    contract = tuple(
        number for numbers, number in bundles.items() if f"-{month[2:4]}{month[5:]}3-" in numbers
    )
    await desk.book.allocate(Order(registry, site, month, bundles=timed), Act(WHO, now))
    await desk.book.allocate(Order(registry, site, month, bundles=contract), Act(WHO, now))
    await desk.book.allocate(order, Act(WHO, now))
    await desk.book.cancel(Selection(site=site, period=consumption(month, tz)), now, proof)
    await desk.book.allocate(Order(registry, site, month, mwh // 4 * _MWH), Act(WHO, now))
    await desk.book.sell(Wanted(registry), mwh // 8 * _MWH, Act(WHO, now, document="example contract 1"))


def _of_month(desk: Certificates, what: tuple[str, str, int], last: Period) -> Source:
    """Certificates of last month: of two plants, one of them abroad, of some of what the contract delivered,
    and those of twelve hours of a night."""
    site, registry, mwh = what
    zone, month = desk.sites[site].grid, f"{last.start + timedelta(days=15):%y%m}"
    days = f"{(last.start + timedelta(days=1)):%Y-%m-%d},{(last.start + timedelta(days=20)):%Y-%m-%d}"
    abroad = mwh // 4
    rows = [
        _row(f"{registry}-{month}1", abroad, days, ("solar", "Example solar park", "SE4")),
        _row(f"{registry}-{month}2", 2 * mwh, days, ("wind", "Example wind farm", zone)),
        _row(f"{registry}-{month}3", 2 * mwh, days, ("wind", CONTRACTED, zone)),
    ]
    night = (last.start + timedelta(days=9)).astimezone(UTC).replace(hour=16, minute=0)
    for hour in range(12):  # a certificate is a whole MWh, ten times what the site uses in an hour
        at = night + timedelta(hours=hour)
        span = f"{at.isoformat()},{(at + timedelta(hours=1)).isoformat()}"
        made = ("wind", "Example wind farm", zone)
        rows.append(_row(f"{registry}-T{month}{hour:02d}", 1, span, made))
    return _source(f"example-{registry}-{month}.csv", rows)


def _expired(registry: str, old: datetime) -> Source:
    days = f"{old:%Y-%m-%d},{(old + timedelta(days=10)):%Y-%m-%d}"
    row = _row(f"{registry}-{old:%y%m}9", 6, days, ("hydro", "Example river plant", registry))
    return _source(f"example-{registry}-{old:%y%m}.csv", [row])


def _row(series: str, mwh: int, span: str, made: tuple[str, str, str]) -> str:
    return f"{series}-{1:06d},{series}-{mwh:06d},{mwh},{span},{','.join(made)}"


def _source(name: str, rows: list[str]) -> Source:
    return Source(name, "\n".join([_HEADERS, *rows, ""]).encode())
