"""The meter trees of a month: every meter with its energy, what is left between it and those below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboards.house import House
from energy.figures import KpiRow
from energy.interval import Period, month_of
from energy.tree.closing import Closing, Closure, Node, Share
from energy.tree.closure import INLET

DEEPEST = 6
"""Levels that are drawn apart; what hangs lower stands with them."""

VERDICTS = {
    "closes": "closes",
    "too much below": "more below than above",
    "gap": "more lost than stated",
    "unmetered": "partly metered",
    "unknown": "not known",
}
"""The verdicts of a closure as a page says them."""


@dataclass(frozen=True)
class Branch:
    """One row of a tree: a ``node`` (None for the inlet), how deep it stands, and how it ``closes``."""

    name: str
    depth: int
    node: Node | None
    energy_wh: float | None
    closes: Closing | None

    @property
    def verdict(self) -> str:
        """How it closes, in words; nothing for a meter without any below it."""
        return "" if self.closes is None else VERDICTS[self.closes.verdict]

    @property
    def wrong(self) -> bool:
        """Whether the meters contradict each other, or more is lost than is stated."""
        return self.closes is not None and self.closes.verdict in ("too much below", "gap")


@dataclass(frozen=True)
class Tree:
    """One site's tree in one part of the month; ``shares`` are the lines that add up to the inlet.

    ``pue`` is the row of that part: its PUE stands beside its uncertainty.
    """

    name: str
    closure: Closure
    branches: Sequence[Branch]
    virtual: Sequence[Node]
    shares: Sequence[Share]
    pue: KpiRow

    @property
    def uncertainty(self) -> float | None:
        """Expanded uncertainty (k=2) of the PUE in its own unit; None if that or a class is not known."""
        if self.pue.pue is None or self.closure.pue_uncertainty is None:
            return None
        return self.pue.pue * self.closure.pue_uncertainty


@dataclass(frozen=True)
class MeterMonth:
    """Everything on the month's page, site by site; ``before`` and ``after`` name the months beside it."""

    name: str
    period: Period
    trees: Sequence[Tree]
    before: str
    after: str | None


async def meter_month(house: House, site: str, period: Period, tz: ZoneInfo, at: datetime) -> MeterMonth:
    """The trees of ``site``, or of ``all`` sites, in the settled part of ``period``. Raises StoreError."""
    figures = house.figures.snapshot()
    trees = []
    for closure in await figures.closure(site, period):
        part = Period(closure.start, closure.end)
        row = (await figures.kpi(closure.site, part, only=("pue",)))[0]
        trees.append(_tree(house, closure, row))
    before = month_of(period.start - (period.end - period.start) / 2, tz)
    after = month_of(period.end, tz)
    return MeterMonth(
        _name(period, tz), period, trees, _name(before, tz), _name(after, tz) if after.start <= at else None
    )


def _name(period: Period, tz: ZoneInfo) -> str:
    return period.start.astimezone(tz).strftime("%Y-%m")


def _tree(house: House, closure: Closure, row: KpiRow) -> Tree:
    site = house.sites.get(closure.site)
    return Tree(
        name=closure.site if site is None else site.name,
        closure=closure,
        branches=list(_branches(closure)),
        virtual=[node for node in closure.nodes if node.kind == "virtual"],
        shares=sorted(closure.shares, key=lambda share: -abs(share.energy_wh)),
        pue=row,
    )


def _branches(closure: Closure) -> Iterator[Branch]:
    """The inlet and what hangs below it, each meter after its parent; then what hangs nowhere."""
    nodes = {node.id: node for node in closure.nodes if node.kind != "virtual"}
    closings = {one.parent: one for one in closure.closings}
    feeds = [node for node in nodes.values() if node.role == "utility"]
    shares = {share.id: share for share in closure.shares}
    told: set[str] = set()

    def walk(name: str, depth: int) -> Iterator[Branch]:
        told.add(name)
        node = nodes.get(name)
        stored = shares[name].energy_wh if name in shares else None
        energy = closure.inlet_wh if name == INLET else stored if node is None else node.energy_wh
        closing = closings.get(name)
        yield Branch(name, min(depth, DEEPEST), node, energy, closing)
        for feed in feeds if name == INLET else ():
            told.add(feed.id)
            yield Branch(feed.id, 1, feed, feed.energy_wh, None)
        for child in closing.children if closing is not None else ():
            yield from walk(child, depth + 1)

    yield from walk(INLET, 0)
    for name, node in nodes.items():
        if name not in told:
            yield Branch(name, 1, node, node.energy_wh, None)
