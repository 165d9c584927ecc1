"""Cuts what a site used in one interval among its jobs and the unattributed rest, to the watt-hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.workloads.flag import Flag

WHOLE = 1_000_000_000
"""The parts that are told of an interval add up to it."""


@dataclass(frozen=True)
class SiteInterval:
    """A site's figures of one interval in whole Wh and g CO2e; None is not known.

    ``load_wh`` is what the accounts add up to: E_DC, shifted by what a battery stored (``green_wh`` and
    ``unknown_wh`` are parts of it). ``sure``: it was measured, and E_IT does not contradict it.
    """

    load_wh: int | None
    eit_wh: int | None
    green_wh: int | None
    unknown_wh: int | None
    co2_location_g: int | None
    co2_market_g: int | None
    sure: bool = True

    @property
    def lacks(self) -> bool:
        """Whether the load or its carbon is not known for sure, so that a bound stands in its place."""
        return not self.sure or None in (self.load_wh, self.co2_location_g, self.co2_market_g)


@dataclass(frozen=True)
class GpuEnergy:
    """GPU energy in mWh: of each account, of GPUs in no job, and what silent GPUs may have used."""

    accounts: Sequence[int]
    idle: int
    untold: int


@dataclass(frozen=True)
class Share:
    """What one account, or the rest, had of an interval; ``total_wh`` is IT energy and its overhead.

    ``part`` is its part of what the site had, of :data:`WHOLE`; told where the site lacks something.
    """

    gpu_wh: int
    it_wh: int | None
    total_wh: int | None
    green_wh: int | None
    unknown_wh: int | None
    co2_location_g: int | None
    co2_market_g: int | None
    part: int | None = None


@dataclass(frozen=True)
class Cut:
    """Shares of the accounts in their order, and of nobody: together all of the interval."""

    shares: tuple[Share, ...]
    rest: Share
    flags: Flag


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in whole parts by ``weights`` (none negative, one positive): they add up to it exactly.

    No part is further than one from its exact share, and where ``total``
    is no more than all weights no part is more than its weight.
    """
    whole, sum_so_far, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        sum_so_far += weight
        upto = total * sum_so_far // whole
        parts.append(upto - given)
        given = upto
    return parts


def cut(site: SiteInterval, gpus: GpuEnergy) -> Cut:
    """Every account has of IT, overhead, green energy and carbon what it has of the GPU energy.

    GPU energy that nobody told counts as the rest's, so that silence makes nobody's account larger.
    """
    told = [*gpus.accounts, gpus.idle]
    energy = divide(round(sum(told) / 1000), told) if sum(told) else [0] * len(told)
    weights = [*gpus.accounts, gpus.idle + gpus.untold]
    if not sum(weights):
        weights[-1] = 1  # nobody ran anything: all of it is the rest's
    flags = Flag(0) if site.sure else Flag.UNSURE
    it, total = _it_and_total(site, weights)
    if site.load_wh is not None and it is None:
        flags |= Flag.NO_PUE
    if site.eit_wh is not None and sum(energy) > site.eit_wh:
        flags |= Flag.ABOVE_IT
    green, unknown = _mix(site, total)
    by = total or weights
    parts = divide(WHOLE, weights) if site.lacks else None
    columns = (it, total, green, unknown, _by(site.co2_location_g, by), _by(site.co2_market_g, by), parts)
    shares = tuple(
        Share(gpu, *(None if column is None else column[place] for column in columns))
        for place, gpu in enumerate(energy)
    )
    return Cut(shares[:-1], shares[-1], flags)


def _it_and_total(site: SiteInterval, weights: Sequence[int]) -> tuple[list[int] | None, list[int] | None]:
    if site.load_wh is None:
        return None, None
    if site.eit_wh is None or site.eit_wh > site.load_wh:
        return None, divide(site.load_wh, weights)
    it = divide(site.eit_wh, weights)
    overhead = divide(site.load_wh - site.eit_wh, weights)
    return it, [a + b for a, b in zip(it, overhead, strict=True)]


def _mix(site: SiteInterval, total: list[int] | None) -> tuple[list[int] | None, list[int] | None]:
    if total is None or site.green_wh is None or site.unknown_wh is None:
        return None, None
    green = _by(site.green_wh, total)
    left = [a - b for a, b in zip(total, green or total, strict=True)]
    unknown = _by(min(site.unknown_wh, sum(left)), left)
    return green, unknown


def _by(amount: int | None, weights: Sequence[int]) -> list[int] | None:
    if amount is None:
        return None
    return divide(amount, weights) if sum(weights) else [0] * (len(weights) - 1) + [amount]
