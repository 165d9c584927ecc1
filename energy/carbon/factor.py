"""Factor sets: how much each way of making electricity emits, from whom, by which method, valid when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field

from energy.carbon.technology import Technology
from energy.configuration.zone import BiddingZone
from runtime.clock import to_ms
from runtime.options import Options
from telemetry.frame import Floats

Method = Literal["direct", "lifecycle"]
"""``direct``: what leaves the chimney. ``lifecycle``: that, and fuel supply, building and dismantling."""

RESIDUAL = "residual_mix"
"""In the place of a technology: what is left of a zone's mix when all tracked claims are taken out."""

HOUR_MS = 3_600_000

LEAST_G, MOST_G = 1.0, 2_000.0
"""Below and above no fuel and no mix lies: kilograms were written for grams, or grams per MWh."""

_NAMES = (*Technology, RESIDUAL)


def _named(value: Any) -> Any:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    for name in names:
        if name not in _NAMES:
            raise ValueError(f"{name!r} is no technology; there are: {', '.join(_NAMES)}")
    return tuple(names)


class Factor(Options):
    """One entry of a set: grams of CO2e per kWh of ``technology`` (or several alike), perhaps in one zone.

    Valid from midnight UTC of ``from`` up to that of ``until``; without ``until`` as long as the set is used.
    ``source`` names where it is from if that is not where the set is from.
    """

    model_config = ConfigDict(populate_by_name=True)

    technology: Annotated[tuple[str, ...], BeforeValidator(_named)] = Field(min_length=1)
    zone: BiddingZone | None = None
    g_per_kwh: float = Field(ge=0)
    from_: date | None = Field(default=None, alias="from")
    until: date | None = None
    source: str | None = Field(default=None, max_length=300)

    def hours(self) -> tuple[int, float]:
        """The hours since 1970 in which it is valid: the first, and the one after the last."""
        return _hour(self.from_ or date.min), np.inf if self.until is None else _hour(self.until)


class FactorSet(Options):
    """One ``[[factors]]``: a version of a set. ``example`` marks one with invented figures."""

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    version: str = Field(min_length=1, max_length=40)
    source: str = Field(min_length=1, max_length=300)
    method: Method
    example: bool = False
    factor: tuple[Factor, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """``ipcc-2014-lifecycle 1``: the set and its version as they are named beside a figure."""
        return f"{self.id} {self.version}{' (example)' if self.example else ''}"

    def problems(self, place: str) -> Iterator[str]:
        """What is wrong with its entries, each below ``place`` with the fix."""
        for number, factor in enumerate(self.factor):
            yield from (f"{place}.factor[{number}]: {problem}" for problem in _mistakes(factor))
        for number, other in _overlaps(self.factor):
            yield (
                f"{place}.factor[{number}]: is valid at the same time as factor[{other}] for the same "
                "technology and zone; end the older one with until"
            )

    def values(self, technology: str, zone: str, first: int, hours: int) -> Floats:
        """g/kWh of ``technology`` in ``zone`` in each hour from ``first`` (since 1970); NaN where not valid.

        What is told of the zone itself goes before what is told of all zones.
        """
        found = np.full(hours, np.nan)
        for wanted in (None, zone):
            for factor in self.factor:
                if factor.zone == wanted and technology in factor.technology:
                    since, until = factor.hours()
                    low, high = max(0, since - first), max(0, int(min(until - first, hours)))
                    found[low:high] = factor.g_per_kwh
        return found

    def sources(self, technology: str, zone: str) -> str:
        """From whom the factors of ``technology`` in ``zone`` are, each source once."""
        mine = [f for f in self.factor if technology in f.technology and f.zone in (None, zone)]
        return "; ".join(dict.fromkeys(f.source or self.source for f in mine)) or self.source

    def knows_residual(self, zone: str) -> bool:
        """Whether it has a residual mix of ``zone`` at any time."""
        return any(f.zone == zone and RESIDUAL in f.technology for f in self.factor)


def _mistakes(factor: Factor) -> Iterator[str]:
    if factor.from_ is None:
        yield "factors without validity count nowhere; write from = 2026-01-01, and until if it ends"
    elif factor.until is not None and factor.until <= factor.from_:
        yield f"until = {factor.until} is not after from = {factor.from_}"
    if 0 < factor.g_per_kwh < LEAST_G:
        yield (
            f"g_per_kwh = {factor.g_per_kwh:g} looks like kilograms; write grams per kWh: "
            f"{factor.g_per_kwh * 1000:g}"
        )
    if factor.g_per_kwh > MOST_G:
        yield f"g_per_kwh = {factor.g_per_kwh:g} is more than any fuel emits; write grams, and per kWh"
    if RESIDUAL in factor.technology and factor.zone is None:
        yield 'a residual mix is that of a zone; write zone = "PL" or the like'


def _overlaps(factors: Sequence[Factor]) -> Iterator[tuple[int, int]]:
    for number, one in enumerate(factors):
        for before, other in enumerate(factors[:number]):
            same = one.zone == other.zone and set(one.technology) & set(other.technology)
            (since, until), (since_then, until_then) = one.hours(), other.hours()
            if same and since < until_then and since_then < until:
                yield number, before


def _hour(day: date) -> int:
    return to_ms(datetime(max(day.year, 1970), day.month, day.day, tzinfo=UTC)) // HOUR_MS
