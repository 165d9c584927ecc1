"""A site with a settled October and its certificates, for tests of what they count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.selection import Selection
from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from energy.interval import Period
from energy.reading.reader import LedgerFigures
from tests.unit.energy.certificates.vault import CANCELLED, Vault, october
from tests.unit.energy.plant import Plant

MWH = 1_000_000
OCTOBER = october()


class Month:
    """A site with a settled October, and its certificates."""

    def __init__(self, folder: Path, where: SiteOptions) -> None:
        self.plant = Plant(folder, {"gdansk": where})
        self.vault = Vault(self.plant.database, {"gdansk": where})
        self.figures = LedgerFigures(self.plant.database, self.plant.store, self.plant.sites)

    async def settle(self, mwh: Mapping[str, float]) -> None:
        """Let each register count so much over the month, evenly."""
        await self.plant.open()
        at = [OCTOBER.start + n * timedelta(minutes=15) for n in range(OCTOBER.quarters + 1)]
        for register, total in mwh.items():
            topic, field = register.rsplit("/", 1)
            counted = np.rint(np.arange(len(at)) * (total * MWH / OCTOBER.quarters))
            await self.plant.feed(self.plant.frame(topic, at, {field: counted.tolist()}))
        await self.plant.ledger.settle(OCTOBER.end + timedelta(hours=1))

    async def cancel(self, mwh: float | None = None, act: Act = CANCELLED) -> None:
        """Let certificates that are held serve October, and have them cancelled."""
        wh = None if mwh is None else int(mwh * MWH)
        await self.vault.book.allocate(Order("PL", "gdansk", "2026-10", wh), act)
        await self.vault.book.cancel(Selection(site="gdansk", period=OCTOBER), act.at, act)

    async def row(self, period: Period = OCTOBER, **asked: object) -> KpiRow:
        (row,) = await self.figures.kpi("gdansk", period, **asked)
        return row


def load(mwh: float, own: float = 0) -> dict[str, float]:
    """An inlet through which so much was used, ``own`` of it from the site's own plant."""
    return {"meter/gdansk/main-1/energy_wh": mwh - own, "meter/gdansk/ups-a/energy_wh": 0.8 * mwh}
