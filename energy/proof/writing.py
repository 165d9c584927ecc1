"""One run's writing to the ledger of a site: who does it and why, as the causes of its rows tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.cause import SERVICE, Kind, record
from energy.proof.turn import take_turn
from energy.sums.sheet import LedgerRegister

_Row = dict[str, Any]

_NAMED = 8
"""Devices that one reason names; more are counted."""


@dataclass(frozen=True)
class Order:
    """Somebody asks for intervals to be read from the registers anew."""

    who: str
    reason: str


@dataclass
class Writing:
    """Gives each row that a run writes its cause.

    Attributes:
        at: when the run began; once its turn is taken, when what is written becomes known.
        watermark: the quarter up to which the site was settled when the run began; None: not at all.
        due: up to which it will be.
        late: readings that came for quarters before the watermark, by measurement and id of their device.
        order: by whom and why the run was asked for; None: it is the schedule's.
    """

    site: str
    at: datetime
    watermark: int | None
    due: int
    late: Mapping[tuple[str, str], int] = field(default_factory=dict)
    order: Order | None = None
    _first: int | None = None
    _stamped: datetime | None = None

    async def turn(self, connection: AsyncConnection) -> None:
        """Take the site's turn: from then on ``at`` is when this transaction's rows become known."""
        self.at = self._stamped = await take_turn(connection, self.site, self.at, self._stamped)

    async def give(
        self, connection: AsyncConnection, rows: Sequence[_Row], registers: Iterable[LedgerRegister]
    ) -> None:
        """Put the ``cause`` into ``rows`` of the ledger."""
        settled = 0 if self.watermark is None else self.watermark
        again = [row for row in rows if row["revision"] > 1 or row["quarter"] < settled]
        if len(again) < len(rows):
            number = await self._settlement(connection, min(row["quarter"] for row in rows))
            for row in rows:
                row["cause"] = number
        if again:
            kind: Kind = "late" if self.order is None else "correction"
            await self._record(connection, kind, again, registers)

    async def hold(
        self, connection: AsyncConnection, rows: Sequence[_Row], registers: Iterable[LedgerRegister]
    ) -> None:
        """The same for ``rows`` of a locked month, which the ledger does not get."""
        await self._record(connection, "pending", rows, registers)

    async def _settlement(self, connection: AsyncConnection, first: int) -> int:
        """The one cause of all that is settled for the first time; made with its first row."""
        if self._first is None:
            begin = first if self.watermark is None else min(first, self.watermark)
            self._first = await record(
                connection, site=self.site, kind="settlement", who=SERVICE, reason="the intervals ended",
                at=self.at, first=begin, until=max(self.due, begin + 1),
            )  # fmt: skip
        return self._first

    async def _record(
        self,
        connection: AsyncConnection,
        kind: Kind,
        rows: Sequence[_Row],
        registers: Iterable[LedgerRegister],
    ) -> None:
        quarters = [row["quarter"] for row in rows]
        named = {register.id: register.key[:2] for register in registers}
        reason = self._reason({named[row["register"]] for row in rows})
        number = await record(
            connection, site=self.site, kind=kind, who=self.order.who if self.order else SERVICE,
            reason=reason, at=self.at, first=min(quarters), until=max(quarters) + 1,
        )  # fmt: skip
        for row in rows:
            row["cause"] = number

    def _reason(self, found: set[tuple[str, str]]) -> str:
        if self.order is not None:
            return self.order.reason
        told = [self._came(*name) for name in sorted(found)]
        more = len(told) - _NAMED
        return "; ".join(told[:_NAMED]) + (f"; and {more} more devices" if more > 0 else "")

    def _came(self, measurement: str, device: str) -> str:
        readings = self.late.get((measurement, device))
        if readings is None:
            return f"{device}: a later reading tells more of the time before it"
        if readings == 0:
            return f"{device}: its configuration tells otherwise"
        return f"{device}: {readings} late reading{'' if readings == 1 else 's'}"
