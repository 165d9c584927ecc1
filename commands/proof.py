"""``service.py lock``, ``restate``, ``resettle`` and ``verify``: the ledger by hand, and its proof."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commands.running import Running
from energy.proof.checking import Proof, check_ledger
from energy.proof.difference import Checked
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from runtime.clock import SystemClock
from runtime.errors import ServiceError
from runtime.migrate import open_database
from settings import Configuration
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore

CHANGED = 3
"""Exit code of ``verify`` where something is not as it was sealed and signed."""


async def lock_month(api: Running, site: str, month: str, who: str) -> dict[str, Any]:
    """Lock a month of the running service; the lock as the API tells it. Raises ServiceError."""
    found: dict[str, Any] = json.loads(await api.post(f"/api/v1/ledger/locks/{site}/{month}", {"who": who}))
    return found


async def restate_month(
    api: Running, site: str, month: str, act: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Apply what waits for a locked month: the restatement, and the document that was signed.

    ``act`` are ``who`` and ``reason``. Raises ServiceError.
    """
    made = json.loads(await api.post(f"/api/v1/ledger/restatements/{site}/{month}", dict(act)))
    return made, json.loads(made["document"])


async def resettle_meter(api: Running, site: str, meter: str, order: Mapping[str, str]) -> dict[str, Any]:
    """Account a meter anew: ``from``, ``to``, ``who``, ``reason``; what was written. Raises ServiceError."""
    found: dict[str, Any] = json.loads(
        await api.post(f"/api/v1/ledger/resettlements/{site}/{meter}", dict(order))
    )
    return found


async def verified(configuration: Configuration, site: str | None) -> Checked:
    """Recompute the proof straight from the database, whether a service runs or not. Raises ServiceError."""
    settings = configuration.settings
    settings.service.data_dir.mkdir(parents=True, exist_ok=True)
    database = await open_database(settings.service.database_url)
    try:
        who = ("the command line", SystemClock().now())
        store = MemoryStore(MemoryOptions(), SeriesRegistry(), settings.service.data_dir)  # figures need none
        figures = LedgerFigures(database, store, settings.sites, settings.energy.correction_window)
        proof = Proof(database, SigningKey(settings.key_file), figures)
        found = await check_ledger(proof, who, [site] if site else None)
    finally:
        await database.close()
    if site and not found.seals and not found.rows and site not in settings.sites:
        raise ServiceError(f"site: the ledger keeps nothing of {site!r}")
    return found


def checked_in_words(found: Checked) -> Iterator[str]:
    """Every difference, and what was recomputed."""
    for difference in found.differences:
        yield difference.in_words()
    if found.left:
        yield f"... and {found.left} more"
    for site, (number, digest) in sorted(found.heads.items()):
        yield f"{site}: seal {number} is {digest}"
    told = "all is as it was sealed and signed" if found.sound else "NOT as it was sealed and signed"
    yield f"{found.seals} seals and {found.rows} rows recomputed: {told}"


def difference_table(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a restatement that differ: figure or meter, before, after, difference."""
    lines = [(line["figure"], line) for line in document["figures"] if line["before"] != line["after"]]
    lines += [(f"{meter['meter']} {meter['channel']}", meter) for meter in document["meters"]]
    cells = [(name, *(_cell(line[key]) for key in ("before", "after", "difference"))) for name, line in lines]
    rows: Sequence[tuple[str, ...]] = [("", "before", "after", "difference"), *cells]
    wide = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        yield f"{row[0]:<{wide[0]}}" + "".join(f"  {row[i]:>{wide[i]}}" for i in (1, 2, 3))


def _cell(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:.0f}"
