"""The command line: what each verb takes.

Exit codes: 0 done, or stopped as asked; 1 failed, also because an address is in use; 2 the configuration or
the command line is wrong; 3 (``verify`` alone) something is not as it was sealed and signed. Any other verb,
and one interrupted before it has begun, ends with 130 (Ctrl-C) or 143 (SIGTERM) when it is interrupted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from itertools import chain, starmap
from pathlib import Path
from typing import Annotated, cast

import typer

from commands.access import with_api
from commands.certificates import certificates
from commands.contracts import contracts
from commands.demo import Build, DemoOptions, run_demo
from commands.eu import eu
from commands.export import export_ledger, export_telemetry
from commands.grid import import_documents, read_files
from commands.load import account, run_load
from commands.people import create_token, create_user, renew_password
from commands.proof import (
    CHANGED,
    checked_in_words,
    difference_table,
    lock_month,
    resettle_meter,
    restate_month,
    verified,
)
from commands.replay import in_words, replayed
from commands.report import ReportOrder, issue_reports, unsettled
from commands.running import Running
from commands.say import fail, say
from commands.serve import Builders, run_service
from commands.verb import ConfigFile, Json
from commands.verb import configuration_of as _configuration
from commands.verb import finish as _finish
from energy.tree.outward import outward_notes
from roles.station import Role, Station, unsplit
from runtime import log
from runtime.errors import ConfigError, ServiceError
from runtime.lifecycle import stop_on_signal
from runtime.migrate import write_revision
from settings import Configuration, read
from simulator.loadtest import LoadOptions

cli = typer.Typer(
    help="Amberwatt: the energy and green-power ledger of an AI datacenter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True)
cli.add_typer(tokens, name="token")
users = typer.Typer(help="Users who sign in on the pages.", no_args_is_help=True)
cli.add_typer(users, name="user")
grids = typer.Typer(help="The mix of the grid.", no_args_is_help=True)
cli.add_typer(grids, name="grid")
cli.add_typer(certificates, name="certificates")
cli.add_typer(contracts, name="contracts")
cli.command()(eu)

LogLevel = Annotated[str, typer.Option("--log", help="debug, info, warning or error")]


@cli.callback()
def prepare(
    level: Annotated[str, typer.Option("--log", help="debug, info, warning or error")] = "info",
) -> None:
    """Amberwatt: the energy and green-power ledger of an AI datacenter."""
    log.configure(level)


@cli.command()
def run(
    context: typer.Context,
    config: ConfigFile = None,
    role: Annotated[str, typer.Option(help="ingest, web, jobs, or all in one process")] = "all",
    shard: Annotated[str | None, typer.Option(help="which [[shard]] an ingest process takes")] = None,
) -> None:
    """Run the service, or one role of it, until SIGTERM or Ctrl-C."""
    builders: Builders = context.obj
    station = Station(cast(Role, role), shard)
    _finish(_until_signalled(lambda stop: run_service(builders.role, _configuration(config), station, stop)))


@cli.command()
def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="of the pages; 0 takes a free one")] = 8080,
    data_dir: Annotated[Path, typer.Option(help="where the demo lives")] = Path("var/demo"),
    browser: Annotated[bool, typer.Option(help="open the pages in a browser")] = True,
) -> None:
    """Two simulated sites with a month of history, live within a minute."""
    build: Build = context.obj.whole
    options = DemoOptions(port, data_dir.resolve(), browser)
    _finish(_until_signalled(lambda stop: run_demo(build, options, stop)))


@cli.command()
def check(file: Path) -> None:
    """Judge a configuration: exit code 2 and every mistake if it is wrong, else the effective values.

    What its shards lack to run is a warning: the environment of their processes may bring it. So is a meter
    of which only its readings can prove that it tells what leaves the site.
    """
    try:
        configuration = read(file)
    except ConfigError as error:
        fail(error)
    sites = configuration.settings.sites.items()
    for problem in (*unsplit(configuration), *chain.from_iterable(starmap(outward_notes, sites))):
        typer.echo(f"warning: {problem}", err=True)
    say(json.dumps(configuration.effective(), indent=2, ensure_ascii=False))


@cli.command()
def report(  # noqa: PLR0913 - one parameter per option of the command
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="for example 2026-10")],
    *,
    site: Annotated[str | None, typer.Option(help="default: every site")] = None,
    formats: Annotated[str, typer.Option("--format")] = "pdf,xlsx,csv,json",
    out: Annotated[Path, typer.Option(help="where the files go")] = Path(),
    config: ConfigFile = None,
) -> None:
    """Issue the monthly report and copy its files; one line of JSON for each.

    Only a running service settles: without one, a month that is not all settled is issued as a draft.
    """

    async def work(api: Running, configuration: Configuration) -> None:
        sites = [site] if site else list(configuration.settings.sites)
        order = ReportOrder(month, sites, formats.split(","), out)
        for entry in await issue_reports(api, order):
            say(json.dumps(entry))
            if entry["state"] == "draft":
                typer.echo(unsettled(entry), err=True)

    _ask(context, config, work)


SiteOf = Annotated[str, typer.Option("--site", help="one site: a month is locked for each by itself")]
WhoActs = Annotated[str, typer.Option("--who", help="who does it; it stands in the ledger for good")]
Why = Annotated[str, typer.Option("--reason", help="why; it stands in the ledger for good")]


@cli.command()
def lock(
    context: typer.Context, month: str, *, site: SiteOf, who: WhoActs, config: ConfigFile = None
) -> None:
    """Lock a month: from now on it changes only by a restatement. It cannot be unlocked."""

    async def work(api: Running, _: Configuration) -> None:
        say(json.dumps(await lock_month(api, site, month, who)))

    _ask(context, config, work)


@cli.command()
def restate(  # noqa: PLR0913 - one parameter per option of the command
    context: typer.Context,
    month: str,
    *,
    site: SiteOf,
    who: WhoActs,
    reason: Why,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Apply what waits for a locked month, as a signed document, and show the difference line by line."""

    async def work(api: Running, _: Configuration) -> None:
        made, document = await restate_month(api, site, month, {"who": who, "reason": reason})
        if as_json:
            say(json.dumps(made))
            return
        for line in difference_table(document):
            say(line)
        say(f"restatement {made['number']} of {site} {month}, key {made['key']}: {made['signature']}")

    _ask(context, config, work)


@cli.command()
def resettle(  # noqa: PLR0913 - one parameter per option of the command
    context: typer.Context,
    site: str,
    meter: str,
    start: Annotated[str, typer.Argument(metavar="FROM", help="2026-10-01T00:00:00+02:00")],
    end: Annotated[str, typer.Argument(metavar="TO")],
    *,
    who: WhoActs,
    reason: Why,
    config: ConfigFile = None,
) -> None:
    """Account a meter anew from its readings as it is configured now; what is locked waits."""

    async def work(api: Running, _: Configuration) -> None:
        order = {"from": start, "to": end, "who": who, "reason": reason}
        say(json.dumps(await resettle_meter(api, site, meter, order)))

    _ask(context, config, work)


@cli.command()
def verify(
    site: Annotated[str | None, typer.Option(help="default: every site")] = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--as-json", "--json", help="one JSON object")] = False,
) -> None:
    """Recompute seals, causes, locks and restatements: exit code 3, and every difference, if one changed."""
    log.configure("warning")
    found = _finish(lambda: asyncio.run(verified(_configuration(config), site)))
    if as_json:
        say(json.dumps(found.told()))
    else:
        for line in checked_in_words(found):
            say(line)
    if not found.sound:
        raise typer.Exit(CHANGED)


@cli.command()
def export(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="telemetry or ledger")],
    query: Annotated[list[str], typer.Argument(help="as the API takes it: measurement=meter from=now-24h")],
    config: ConfigFile = None,
) -> None:
    """Rows as CSV on standard output, of all that has arrived; nothing is settled for it."""

    async def work(api: Running, _: Configuration) -> None:
        asked = dict(part.partition("=")[::2] for part in query)
        rows = await (export_ledger if what == "ledger" else export_telemetry)(api, asked)
        sys.stdout.buffer.write(rows)

    if what not in ("telemetry", "ledger"):
        fail(ServiceError(f"{what!r}: write telemetry or ledger"))
    _ask(context, config, work)


@cli.command()
def replay(
    context: typer.Context,
    *,
    start: Annotated[str, typer.Option("--from", help="2026-10-01T00:00:00+02:00, epoch ms or now-7d")],
    end: Annotated[str, typer.Option("--to")] = "now",
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Which alerts would have fired in a past period; nothing is stored or sent."""

    async def work(api: Running, _: Configuration) -> None:
        past = await replayed(api, start, end)
        for change in past.changes:
            say(json.dumps(change) if as_json else in_words(change))
        if not past.changes and not as_json:
            say("Nothing would have fired.")
        for gap in past.gaps():
            typer.echo(gap, err=True)

    _ask(context, config, work)


@cli.command()
def loadtest(  # noqa: PLR0913 - one parameter per option of the command
    *,
    nodes: Annotated[int, typer.Option(help="that publish, 8 GPUs each")] = 1_000,
    rate: Annotated[float, typer.Option(help="messages a second")] = 1_000.0,
    seconds: float = 10.0,
    port: Annotated[int, typer.Option(help="of the broker on this machine")] = 1883,
    connections: int = 8,
    as_json: Json = False,
) -> None:
    """Publish GPU messages at a rate, open loop, and account for each."""
    try:
        options = LoadOptions(nodes=nodes, rate=rate, seconds=seconds, port=port, connections=connections)
    except ValueError as error:
        fail(ServiceError(str(error)))
    told = account(_finish(lambda: asyncio.run(run_load(options))))
    say(json.dumps(told) if as_json else "\n".join(f"{key}: {value}" for key, value in told.items()))


@tokens.command("create")
def token_create(
    name: Annotated[str, typer.Option(help="who or what uses it")],
    role: Annotated[str, typer.Option(help="viewer or operator")] = "viewer",
    config: ConfigFile = None,
) -> None:
    """Print a new API token, this once."""
    say(_finish(lambda: asyncio.run(create_token(_configuration(config), role, name))))


@users.command("create")
def user_create(
    name: Annotated[str, typer.Option(help="how they sign in")],
    role: Annotated[str, typer.Option(help="viewer or operator")] = "viewer",
    config: ConfigFile = None,
) -> None:
    """Add a user and print their password, this once."""
    say(_finish(lambda: asyncio.run(create_user(_configuration(config), role, name))))


@users.command("password")
def user_password(
    name: Annotated[str, typer.Option(help="who forgot it")], config: ConfigFile = None
) -> None:
    """Give a user a new password, print it this once, and end their sessions."""
    say(_finish(lambda: asyncio.run(renew_password(_configuration(config), name))))


@grids.command("import")
def grid_import(
    files: Annotated[list[Path], typer.Argument(help="documents of ENTSO-E: generation per type (A75)")],
    config: ConfigFile = None,
) -> None:
    """Keep the hours of the grid that documents tell; one line for each zone of each file."""
    bodies, unread = read_files(files)
    imported = _finish(lambda: asyncio.run(import_documents(_configuration(config), bodies)))
    for line in imported.kept:
        say(line)
    if unread or imported.refused:
        fail(ServiceError("\n".join([*unread, *imported.refused])))


@cli.command(hidden=True)
def migrate(message: str) -> None:
    """For developers: write the revision that a change of the declared tables needs."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(write_revision(f"sqlite+aiosqlite:///{folder}/state.sqlite", message))


def _ask(
    context: typer.Context,
    config: Path | None,
    work: Callable[[Running, Configuration], Awaitable[None]],
) -> None:
    build: Build = context.obj.whole
    log.configure("warning")

    async def ask() -> None:
        configuration = _configuration(config)
        if not configuration.settings.sites:
            raise ConfigError(["sites: there is none; name your configuration with --config FILE"])
        await with_api(build, configuration, work)

    _finish(lambda: asyncio.run(ask()))


def _until_signalled(work: Callable[[asyncio.Event], Awaitable[None]]) -> Callable[[], None]:
    async def until() -> None:
        stop = asyncio.Event()
        with stop_on_signal(stop):
            await work(stop)

    return lambda: asyncio.run(until())
