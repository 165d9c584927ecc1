"""A certificate that is cancelled, or whose cancellation is void, changes figures: that has a cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
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
