"""``service.py eu 2026``: the EU data set of sites as files, and the declaration of one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from commands.access import with_api
from commands.running import Running
from commands.say import say
from commands.verb import ConfigFile, configuration_of, finish
from runtime import log
from runtime.errors import ConfigError, ServiceError
from settings import Configuration

FORMATS = ("json", "csv")


@dataclass(frozen=True)
class EuOrder:
    """Which year of which sites, in which formats, to which folder; ``declared`` is a file filled in."""

    year: int
    sites: Sequence[str]
    formats: Sequence[str]
    out: Path
    declared: Path | None = None


def eu(  # noqa: PLR0913 - one parameter per option of the command
    context: typer.Context,
    year: Annotated[int, typer.Argument(help="a calendar year, for example 2026")],
    *,
    site: Annotated[str | None, typer.Option(help="default: every site")] = None,
    formats: Annotated[str, typer.Option("--format")] = "json,csv",
    declare: Annotated[Path | None, typer.Option(help="the exported CSV file, filled in")] = None,
    out: Annotated[Path, typer.Option(help="where the files go")] = Path(),
    config: ConfigFile = None,
) -> None:
    """Write the data set of (EU) 2024/1364; one line of JSON for each site."""

    async def work(api: Running, configuration: Configuration) -> None:
        sites = [site] if site else list(configuration.settings.sites)
        for line in await export_eu(api, EuOrder(year, sites, formats.split(","), out, declare)):
            say(json.dumps(line, ensure_ascii=False))

    async def ask() -> None:
        configuration = configuration_of(config)
        if not configuration.settings.sites:
            raise ConfigError(["sites: there is none; name your configuration with --config FILE"])
        await with_api(context.obj.whole, configuration, work)

    log.configure("warning")
    finish(lambda: asyncio.run(ask()))


async def export_eu(api: Running, order: EuOrder) -> list[dict[str, object]]:
    """Declare what there is to declare, and write the files; one line for each site.

    Raises ServiceError with every problem of a declaration, and for a format that is none.
    """
    unknown = [form for form in order.formats if form not in FORMATS]
    if unknown:
        raise ServiceError(f"--format: there is no {unknown[0]!r}; choose from {', '.join(FORMATS)}")
    if order.declared is not None:
        await _declare(api, order)
    order.out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, object]] = []
    for site in order.sites:
        path = f"/api/v1/eu/{site}/{order.year}"
        told = json.loads(await api.get(path))
        files = []
        for form in order.formats:
            file = order.out / f"eu-{site}-{order.year}.{form}"
            file.write_bytes(await api.get(f"{path}.{form}"))
            files.append(str(file))
        missing = [item["key"] for item in told["missing"]]
        lines.append({
            "site": site, "year": order.year, "state": told["state"], "missing": missing,
            "problems": told["problems"], "files": files,
        })  # fmt: skip
    return lines


async def _declare(api: Running, order: EuOrder) -> None:
    if len(order.sites) != 1:
        raise ServiceError("--declare: a declaration is of one site; name it with --site")
    assert order.declared is not None
    try:
        text = order.declared.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"--declare: {order.declared} cannot be read: {error}") from None
    await api.post(f"/api/v1/eu/{order.sites[0]}/{order.year}", {"csv": text})
