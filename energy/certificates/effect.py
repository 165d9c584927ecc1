"""A certificate that is cancelled, or whose cancellation is void, changes figures: that has a cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.notice import touch
from energy.certificates.plants import holders, in_words
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
        proof = f", {act.document}" if act.document else ""
        await record(
            connection,
            site=site,
            kind="certificate",
            who=act.who,
            reason=f"certificates of {in_words(plant)} {words}: {mwh:,.6g} MWh{proof}",
            at=act.at,
            first=to_ms(min(row["production_start"] for row, _ in own)) // QUARTER_MS,
            until=-(-to_ms(max(row["production_end"] for row, _ in own)) // QUARTER_MS),
        )
