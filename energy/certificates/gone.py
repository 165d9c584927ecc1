"""Certificates of a supply that were sold, expired or serve another site: that share claims nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.plants import belongs, supply_of
from energy.certificates.states import state_of
from energy.certificates.tables import BUNDLE, PART
from energy.interval import QUARTER_MS
from runtime.clock import from_ms, to_ms
from telemetry.frame import Floats

Known = Sequence[tuple[int, int, datetime | None]]
"""Quarters ``first <= q < until``, each stretch with the time as of which it is known; None is now."""


async def load_gone(connection: AsyncConnection, site: str, known: Known) -> Mapping[str, Floats]:
    """By plant of ``site`` (:func:`supply_of`), the share of its certificates that is gone, per quarter.

    Of all certificates of the plant that were imported, each counts evenly over the time in which it was
    produced: those of one hour in that hour. So the share hangs neither on what a meter told nor on what is
    asked for. A plant of which nothing is gone is not named.
    """
    if not known:
        return {}
    first, until = known[0][0], known[-1][1]
    bundles = [row for row in await _bundles(connection, first, until) if belongs(row["supply"], site)]
    parts = await _parts(connection, [row["id"] for row in bundles])
    every: dict[str, Floats] = defaultdict(lambda: np.zeros(until - first))
    gone: dict[str, Floats] = defaultdict(lambda: np.zeros(until - first))
    for row in bundles:
        name = supply_of(row["supply"], site)
        for low, high, at in known:
            if name is None or (at is not None and row["imported_at"] > at):
                continue
            within = _overlap(row, low, high)
            where = slice(low - first, high - first)
            every[name][where] += row["volume_wh"] * within
            gone[name][where] += _gone_wh(row, parts.get(row["id"], ()), site, at) * within
    return {
        name: np.divide(wh, every[name], out=np.zeros_like(wh), where=every[name] > 0)
        for name, wh in gone.items()
        if wh.any()
    }


async def _bundles(connection: AsyncConnection, first: int, until: int) -> Sequence[RowMapping]:
    wanted = select(BUNDLE).where(
        BUNDLE.c.supply.is_not(None),
        BUNDLE.c.production_start < from_ms(until * QUARTER_MS),
        BUNDLE.c.production_end > from_ms(first * QUARTER_MS),
    )
    return (await connection.execute(wanted)).mappings().all()


async def _parts(connection: AsyncConnection, bundles: Sequence[int]) -> Mapping[int, list[RowMapping]]:
    found: dict[int, list[RowMapping]] = defaultdict(list)
    for low in range(0, len(bundles), 500):
        wanted = select(PART).where(PART.c.bundle.in_(bundles[low : low + 500]))
        for row in (await connection.execute(wanted)).mappings():
            found[row["bundle"]].append(row)
    return found


def _gone_wh(bundle: RowMapping, parts: Sequence[RowMapping], site: str, at: datetime | None) -> int:
    """Wh of ``bundle`` that no supply of ``site`` can claim any more, as known ``at`` a time."""
    taken = gone = 0
    for part in parts:
        made, ended = part["made_at"], part["ended_at"]
        if (at is not None and made > at) or (ended is not None and (at is None or ended <= at)):
            continue
        taken += part["volume_wh"]
        elsewhere = part["site"] is None or not (
            part["site"] == site or belongs(bundle["supply"], part["site"])
        )
        if elsewhere or state_of(part, at) == "expired":
            gone += part["volume_wh"]
    over = bundle["expired_at"]
    if over is not None and (at is None or over <= at):
        gone += bundle["volume_wh"] - taken
    return gone


def _overlap(bundle: RowMapping, low: int, high: int) -> Floats:
    """What share of the time of production lies in each of the quarters."""
    start, end = to_ms(bundle["production_start"]), to_ms(bundle["production_end"])
    edges = np.arange(low, high + 1, dtype=np.float64) * QUARTER_MS
    passed: Floats = np.clip(edges, start, end)
    return np.diff(passed) / (end - start)
