"""Certificates of a supply that were sold, expired or serve another site: that share claims nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.plants import SHARED, belongs, supply_of
from energy.certificates.states import state_of
from energy.certificates.tables import BUNDLE, PART
from energy.interval import QUARTER_MS
from runtime.clock import from_ms, to_ms
from telemetry.frame import Floats

Known = Sequence[tuple[int, int, datetime | None]]
"""Quarters ``first <= q < until``, each stretch with the time as of which it is known; None is now."""

_BUNDLE = (
    "id", "supply", "volume_wh", "production_start", "production_end", "imported_at", "expired_at",
)  # fmt: skip
_PART = (
    "bundle", "site", "volume_wh", "made_at", "ended_at", "cancelled_at", "revoked_at", "expired_at",
)  # fmt: skip

Sums = Mapping[tuple[str, int, int], tuple[int, int]]
"""By plant and time of production, in ms: Wh of all of its certificates, and of those that are gone."""


@dataclass(frozen=True)
class Lots:
    """Every certificate of the plants of ``site`` that was produced in some of the time that is ``known``."""

    site: str
    known: Known
    bundles: Sequence[RowMapping] = ()
    parts: Mapping[int, Sequence[RowMapping]] | None = None

    def shares(self) -> Mapping[str, Floats]:
        """By plant (:func:`supply_of`), the share of its certificates that is gone, per quarter.

        Of all certificates of the plant that were imported, each counts evenly over the time in which it was
        produced: those of one hour in that hour. So the share hangs neither on what a meter told nor on what
        is asked for. A plant of which nothing is gone is not named.
        """
        if not self.bundles:
            return {}
        quarters = self.known[-1][1] - self.known[0][0]
        every: dict[str, Floats] = defaultdict(lambda: np.zeros(quarters))
        gone: dict[str, Floats] = defaultdict(lambda: np.zeros(quarters))
        for stretch in self.known:
            for (name, *produced), (all_wh, gone_wh) in self.sums(stretch[2]).items():
                low, within = _overlap(produced, stretch[:2])
                where = slice(low - self.known[0][0], low - self.known[0][0] + len(within))
                every[name][where] += all_wh * within
                gone[name][where] += gone_wh * within
        return {
            name: np.divide(wh, every[name], out=np.zeros_like(wh), where=every[name] > 0)
            for name, wh in gone.items()
            if wh.any()
        }

    def sums(self, at: datetime | None) -> Sums:
        """As known ``at`` a time; what was produced in one time is one, however many bundles it is."""
        found: dict[tuple[str, int, int], tuple[int, int]] = {}
        for row in self.bundles:
            name = supply_of(row["supply"], self.site)
            if name is None or (at is not None and row["imported_at"] > at):
                continue
            key = name, to_ms(row["production_start"]), to_ms(row["production_end"])
            all_wh, gone_wh = found.get(key, (0, 0))
            own = _gone_wh(row, (self.parts or {}).get(row["id"], ()), self.site, at)
            found[key] = all_wh + row["volume_wh"], gone_wh + own
        return found


async def load_lots(connection: AsyncConnection, site: str, known: Known) -> Lots:
    """What :meth:`Lots.shares` works out without the database: of a year of hours it takes a while."""
    if not known:
        return Lots(site, known)
    supply, own = BUNDLE.c.supply, f"{site}/"
    wanted = (
        select(*(BUNDLE.c[name] for name in _BUNDLE))
        .where(BUNDLE.c.production_start < from_ms(known[-1][1] * QUARTER_MS))
        .where(BUNDLE.c.production_end > from_ms(known[0][0] * QUARTER_MS))
        .where(
            or_(
                supply.startswith(SHARED, autoescape=True),
                supply.startswith(own, autoescape=True),
                supply.not_like("%/%"),
            )
        )
    )
    bundles = (await connection.execute(wanted)).mappings().all()
    return Lots(site, known, bundles, await _parts(connection, [row["id"] for row in bundles]))


async def _parts(connection: AsyncConnection, bundles: Sequence[int]) -> Mapping[int, list[RowMapping]]:
    found: dict[int, list[RowMapping]] = defaultdict(list)
    for low in range(0, len(bundles), 500):
        wanted = select(*(PART.c[name] for name in _PART)).where(PART.c.bundle.in_(bundles[low : low + 500]))
        for row in (await connection.execute(wanted)).mappings():
            found[row["bundle"]].append(row)
    return found


def _gone_wh(bundle: RowMapping, parts: Sequence[RowMapping], site: str, at: datetime | None) -> int:
    """Wh of ``bundle`` that no supply of ``site`` can claim any more, as known ``at`` a time."""
    over = bundle["expired_at"] is not None and (at is None or bundle["expired_at"] <= at)
    taken = gone = 0
    for part in parts:
        made, ended = part["made_at"], part["ended_at"]
        if (at is not None and made > at) or (ended is not None and (at is None or ended <= at)):
            continue
        taken += part["volume_wh"]
        elsewhere = part["site"] is None or not (
            part["site"] == site or belongs(bundle["supply"], part["site"])
        )
        state = state_of(part, at)
        if elsewhere or state == "expired" or (over and state == "revoked"):  # nobody can cancel it again
            gone += part["volume_wh"]
    return gone + bundle["volume_wh"] - taken if over else gone


def _overlap(produced: Sequence[int], quarters: tuple[int, int]) -> tuple[int, Floats]:
    """What share of the time of production lies in each of the quarters that it meets, from the first on."""
    start, end = produced
    low = max(quarters[0], start // QUARTER_MS)
    high = max(low, min(quarters[1], -(-end // QUARTER_MS)))
    edges = np.arange(low, high + 1, dtype=np.float64) * QUARTER_MS
    passed: Floats = np.clip(edges, start, end)
    return low, np.diff(passed) / (end - start)
