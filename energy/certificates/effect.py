"""A certificate that is cancelled, or whose cancellation is void, changes figures: that has a cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.gone import load_lots
from energy.certificates.notice import touch
from energy.certificates.plants import holders, in_words, supply_of
from energy.certificates.tables import EVERY
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.proof.cause import record
from runtime.clock import to_ms


async def record_effect(connection: AsyncConnection, kind: str, rows: Sequence[RowMapping], act: Act) -> None:
    """One cause for each site and period of consumption that ``rows`` serve."""
    found: dict[tuple[str, int, int], list[RowMapping]] = defaultdict(list)
    for row in rows:
        first = to_ms(row["period_start"]) // QUARTER_MS
        found[row["site"], first, -(-to_ms(row["period_end"]) // QUARTER_MS)].append(row)
    for (site, first, until), parts in sorted(found.items()):
        mwh = sum(row["volume_wh"] for row in parts) / 1e6
        registries = ", ".join(sorted({row["registry"] for row in parts}))
        reason = f"certificates of {registries} {kind}: {mwh:,.6g} MWh, {act.document}"
        await record(
            connection,
            site=site,
            kind="certificate",
            who=act.who,
            reason=f"{reason}: {act.reason}" if act.reason else reason,
            at=act.at,
            first=first,
            until=until,
        )


async def record_loss(
    connection: AsyncConnection,
    sites: Mapping[str, SiteOptions],
    what: tuple[str, Sequence[tuple[RowMapping, int]]],
    act: Act,
) -> None:
    """One cause for each supply whose claim changes: its certificates (bundles, with Wh) were ``what``.

    They may have gone, or come back. Those that are of no supply change nothing.
    """
    words, lots = what
    found: dict[tuple[str, str], list[tuple[RowMapping, int]]] = defaultdict(list)
    for bundle, wh in lots:
        for site in holders(sites, [bundle["supply"]]):
            found[site, bundle["supply"]].append((bundle, wh))
    if any(bundle["supply"] is not None for bundle, _ in lots):
        await touch(connection, [EVERY])  # who buys of a plant may be configured elsewhere, or later
    for (site, plant), own in sorted(found.items(), key=lambda one: one[0]):
        mwh = sum(wh for _, wh in own) / 1e6
        await _shifted(connection, (site, plant), f"{words}: {mwh:,.6g} MWh", act, _produced(own))


async def record_dilution(
    connection: AsyncConnection,
    buyers: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, Any]],
    act: Act,
) -> None:
    """One cause for each supply whose claim changes as ``rows`` were imported: new bundles of its plant.

    What is gone is a smaller share now of all that there are. ``buyers`` are the sites of each plant. Where
    nothing of it is gone, nothing changes.
    """
    for plant in sorted({row["supply"] for row in rows} & buyers.keys()):
        own = [(row, row["volume_wh"]) for row in rows if row["supply"] == plant]
        mwh, (first, until) = sum(wh for _, wh in own) / 1e6, _produced(own)
        for site in buyers[plant]:
            shares = (await load_lots(connection, site, [(first, until, None)])).shares()
            where = np.flatnonzero(shares.get(supply_of(plant, site) or plant, 0.0))
            if len(where):
                span = first + int(where[0]), first + int(where[-1]) + 1
                await _shifted(connection, (site, plant), f"imported: {mwh:,.6g} MWh", act, span)


def _produced(own: Sequence[tuple[Mapping[Any, Any], int]]) -> tuple[int, int]:
    """The quarters in which bundles were produced."""
    first = to_ms(min(row["production_start"] for row, _ in own)) // QUARTER_MS
    return first, -(-to_ms(max(row["production_end"] for row, _ in own)) // QUARTER_MS)


async def _shifted(
    connection: AsyncConnection, which: tuple[str, str], words: str, act: Act, quarters: tuple[int, int]
) -> None:
    """A cause of the site and plant ``which``, whose claim changes in ``quarters``."""
    site, plant = which
    proof = f", {act.document}" if act.document else ""
    await record(
        connection,
        site=site,
        kind="certificate",
        who=act.who,
        reason=f"certificates of {in_words(plant)} {words}{proof}",
        at=act.at,
        first=quarters[0],
        until=quarters[1],
    )
