"""``service.py certificates``: straight in the database, whether a service runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

import msgspec
import typer
from sqlalchemy import RowMapping

from commands.file_import import settled, source_of
from commands.say import say
from commands.verb import ConfigFile, Json, configuration_of, finish
from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.bundle import numbers
from energy.certificates.consumption import consumption, consumption_name, end_of_day
from energy.certificates.desk import Certificates
from energy.certificates.holdings import Holding
from energy.certificates.importing import Import
from energy.certificates.pool import Piece, Wanted
from energy.certificates.selection import Selection
from energy.certificates.technology import Technology
from energy.quantity import energy
from runtime import log
from runtime.clock import SystemClock
from runtime.migrate import open_database

certificates = typer.Typer(
    help="Certificates of origin: import, allocate, cancel.", no_args_is_help=True, add_completion=False
)

Who = Annotated[str, typer.Option(help="who enters this")]
InRegistry = Annotated[str, typer.Option("--registry", help="PL, LT or another of [[certificates]]")]
OfRegistry = Annotated[str | None, typer.Option("--registry")]
OfSite = Annotated[str | None, typer.Option("--site")]
OfPeriod = Annotated[str | None, typer.Option("--period", help="of consumption: 2026-10, or 2026")]
Parts = Annotated[list[int] | None, typer.Option("--part", help="its number, as list tells it")]
Bundles = Annotated[
    list[int] | None, typer.Option("--bundle", help="its number; default: what expires first")
]
Megawatthours = Annotated[float | None, typer.Option("--mwh", help="default: all that is free")]
Document = Annotated[str, typer.Option(help="what proves it")]


@certificates.command("import")
def import_(
    file: Path,
    *,
    registry: InRegistry,
    who: Who,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what the file holds")] = False,
    config: ConfigFile = None,
) -> None:
    """Import a registry's CSV file, all of it or nothing; exit code 1 names every line that is wrong."""
    source = source_of(file)

    async def work(desk: Certificates, act: Act) -> Import:
        return await desk.take(registry, source, act, dry_run=dry_run)

    found = cast(Import, _do(config, who, work))
    if not settled(file, found):
        done = f"{'' if found.taken else 'would be '}imported into {found.registry}"
        say(f"{file}: {len(found.bundles)} runs of numbers, {energy(found.volume_wh)}, {done}")


@certificates.command("list")
def list_(
    *,
    registry: OfRegistry = None,
    site: OfSite = None,
    state: Annotated[str | None, typer.Option(help="held, allocated, cancelled, expired, sold …")] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Every run of numbers in one state, and what it serves."""

    async def work(desk: Certificates, act: Act) -> list[str]:
        found = await desk.holdings.holdings(act.at, registry and registry.upper(), site)
        chosen = [one for one in found if state in (None, one.state)]
        return [msgspec.json.encode(one).decode() if as_json else _line(one, desk) for one in chosen]

    for line in _do(config, "list", work):
        say(line)


@certificates.command()
def allocate(  # noqa: PLR0913 - one parameter per option of the command
    *,
    registry: InRegistry,
    site: Annotated[str, typer.Option()],
    period: Annotated[str, typer.Option(help="of consumption: 2026-10, or 2026")],
    who: Who,
    mwh: Megawatthours = None,
    bundle: Bundles = None,
    technology: Annotated[Technology | None, typer.Option()] = None,
    document: Annotated[str | None, typer.Option(help="proof of transfer to another registry's site")] = None,
    config: ConfigFile = None,
) -> None:
    """Let certificates serve the consumption of a site in a month or year; they count once cancelled."""
    order = Order(registry.upper(), site, period, _wh(mwh), tuple(bundle or ()), technology)

    async def work(desk: Certificates, act: Act) -> Sequence[Piece]:
        return await desk.book.allocate(order, act)

    _pieces("allocated", _do(config, who, work, document))


@certificates.command()
def cancel(  # noqa: PLR0913 - one parameter per option of the command
    *,
    statement: Annotated[str, typer.Option(help="the registry's cancellation statement")],
    who: Who,
    on: Annotated[str, typer.Option(help="the day of it, 2026-11-20; default: now")] = "",
    site: OfSite = None,
    period: OfPeriod = None,
    registry: OfRegistry = None,
    part: Parts = None,
    config: ConfigFile = None,
) -> None:
    """Enter that the registry cancelled what is allocated: it counts from now on, and that is final."""

    async def work(desk: Certificates, act: Act) -> Sequence[RowMapping]:
        chosen = _selection(desk, part, (site, period, registry))
        tz = desk.sites[site].tz if site is not None and site in desk.sites else ZoneInfo("UTC")
        return await desk.book.cancel(chosen, end_of_day(on, tz, act.at), act)

    _rows("cancelled", _do(config, who, work, statement))


@certificates.command()
def release(  # noqa: PLR0913 - one parameter per option of the command
    *,
    who: Who,
    site: OfSite = None,
    period: OfPeriod = None,
    registry: OfRegistry = None,
    part: Parts = None,
    config: ConfigFile = None,
) -> None:
    """Free what is allocated, or whose cancellation was revoked."""

    async def work(desk: Certificates, act: Act) -> Sequence[RowMapping]:
        return await desk.book.release(_selection(desk, part, (site, period, registry)), act)

    _rows("released", _do(config, who, work))


@certificates.command()
def revoke(
    *,
    part: Annotated[list[int], typer.Option("--part", help="its number, as list tells it")],
    document: Document,
    reason: Annotated[str, typer.Option(help="why the cancellation is void")],
    who: Who,
    config: ConfigFile = None,
) -> None:
    """Enter that cancellations turned out void: they count no more."""

    async def work(desk: Certificates, act: Act) -> Sequence[RowMapping]:
        return await desk.book.revoke(Selection(parts=tuple(part)), act)

    _rows("revoked", _do(config, who, work, document, reason))


@certificates.command()
def sell(  # noqa: PLR0913 - one parameter per option of the command
    *,
    registry: InRegistry,
    document: Document,
    who: Who,
    mwh: Megawatthours = None,
    bundle: Bundles = None,
    config: ConfigFile = None,
) -> None:
    """Enter that certificates were sold or given away: they serve no site of ours."""
    wanted = Wanted(registry.upper(), tuple(bundle or ()))

    async def work(desk: Certificates, act: Act) -> Sequence[Piece]:
        return await desk.book.sell(wanted, _wh(mwh), act)

    _pieces("sold", _do(config, who, work, document))


@certificates.command()
def receive(
    *, bundle: Annotated[list[int], typer.Option("--bundle")], who: Who, config: ConfigFile = None
) -> None:
    """Enter that bundles that were only issued are on our account now."""

    async def work(desk: Certificates, act: Act) -> int:
        return await desk.book.receive(bundle, act)

    say(f"received: {_do(config, who, work)}")


def _do(
    config: Path | None,
    who: str,
    work: Callable[[Certificates, Act], Awaitable[Any]],
    document: str | None = None,
    reason: str | None = None,
) -> Any:
    """What ``work`` does with the account and an act of now; its failure ends the process."""
    log.configure("warning")

    async def run() -> Any:
        settings = configuration_of(config).settings
        settings.service.data_dir.mkdir(parents=True, exist_ok=True)
        database = await open_database(settings.service.database_url)
        try:
            desk = Certificates(database, settings.sites, settings.certificates)
            return await work(desk, Act(who, SystemClock().now(), document, reason))
        finally:
            await database.close()

    return finish(lambda: asyncio.run(run()))


def _selection(
    desk: Certificates, parts: list[int] | None, what: tuple[str | None, str | None, str | None]
) -> Selection:
    site, period, registry = what
    when = None
    if period is not None:
        if site is None or site not in desk.sites:
            raise ValueError(f"--site: name one of {', '.join(desk.sites)} beside --period")
        when = consumption(period, desk.sites[site].tz)
    return Selection(tuple(parts or ()), site, when, None if registry is None else registry.upper())


def _pieces(done: str, pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        say(f"{done}: {piece.numbers}, {energy(piece.wh)}")


def _rows(done: str, rows: Sequence[RowMapping]) -> None:
    for row in rows:
        told = numbers(row["series"], row["digits"], row["first"], row["last"])
        say(f"{done}: {told}, {energy(row['volume_wh'])}, for {row['site']}")


def _line(one: Holding, desk: Certificates) -> str:
    serves = "" if one.site is None else f" as part {one.part} for {one.site}"
    known = None if one.site is None else desk.sites.get(one.site)
    if known is not None and one.period_start is not None and one.period_end is not None:
        serves += f" {consumption_name(one.period_start, one.period_end, known.tz)}"
    proof = "" if one.statement is None else f" ({one.statement})"
    return (
        f"{one.registry} bundle {one.bundle}: {one.numbers} {energy(one.wh)} {one.technology} {one.state}"
        f"{serves}{proof}, expires {one.expires_at:%Y-%m-%d}"
    )


def _wh(mwh: float | None) -> int | None:
    return None if mwh is None else round(mwh * 1_000_000)
