"""The month's carbon: two readings of scope 2, scope 1, and every factor that they were made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.house import House
from energy.carbon.factor_row import FactorRow, Scope
from energy.figures import KpiRow
from energy.interval import Period
from runtime.clock import to_ms


@dataclass(frozen=True)
class _Asked:
    """A scope, its title, and the usage effectiveness that is told beside it, if one is."""

    scope: Scope
    title: str
    kpi: str | None = None
    beside: str = ""


_SCOPES = (
    _Asked("location", "Scope 2, location-based", "cue", "CUE"),
    _Asked("market", "Scope 2, market-based", "cue_market", "CUE, market-based"),
    _Asked("scope1", "Scope 1, generators"),
    _Asked("lifecycle", "Over the life cycle, no scope"),
)


@dataclass(frozen=True)
class ScopeLine:
    """One scope: its mass, or the ``reason`` why there is none, and the ``lines`` that add up to it."""

    scope: Scope
    title: str
    kg: float | None
    reason: str | None
    beside: str
    effectiveness: float | None
    lines: Sequence[FactorRow]

    @property
    def grams(self) -> float | None:
        """The mass in grams."""
        return None if self.kg is None else self.kg * 1000

    @property
    def method(self) -> str:
        """By which methods its energy was counted, in words, by their weight."""
        told = sorted(self.lines, key=lambda line: -(line.energy_wh or 0))
        return "; ".join(dict.fromkeys(_in_words(line) for line in told)) or "nothing to count"

    @property
    def example(self) -> bool:
        """Whether a factor that is invented had a part in it."""
        return any(line.example for line in self.lines)


def _in_words(line: FactorRow) -> str:
    """``grid hour by hour, as told: production, direct``; ``production-based grid …, direct factors``."""
    if line.energy_wh is None:
        return "a bound for what is not known"
    way, _, how = line.method.partition(", ")
    if way == "told":
        return f"grid hour by hour, as told: {how}"
    return f"{way}-based grid hour by hour, {how} factors" if how else f"{way} factors"


@dataclass(frozen=True)
class CarbonMonth:
    """The carbon of a month so far; ``query`` asks the API for the same."""

    scopes: Sequence[ScopeLine]
    query: str


async def carbon_month(house: House, site: str, known: Period, total: KpiRow) -> CarbonMonth:
    """What ``site`` (or ``all``) emitted over the settled ``known`` part of a month."""
    rows = await house.figures.factors(site, known)
    scopes = [_line(asked, total, [row for row in rows if row.scope == asked.scope]) for asked in _SCOPES]
    # What nobody told and no document brought is no reason to show a line of nothing.
    scopes = [line for line in scopes if line.scope != "lifecycle" or line.lines]
    return CarbonMonth(scopes, f"site={site}&from={to_ms(known.start)}&to={to_ms(known.end)}")


def _line(asked: _Asked, total: KpiRow, rows: Sequence[FactorRow]) -> ScopeLine:
    name = f"co2_{asked.scope}_kg"
    return ScopeLine(
        scope=asked.scope,
        title=asked.title,
        kg=total.value(name),
        reason=total.withheld.get(name),
        beside=asked.beside,
        effectiveness=None if asked.kpi is None else total.value(asked.kpi),
        lines=rows,
    )
