"""What sums over accounts tell: amounts, with a bound for what is not known, and why one is withheld."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from energy.quantity import share
from energy.workloads.amounts import LOST, NULLABLE, UNSURE, Sums
from energy.workloads.share import WHOLE

FLOOR = 0.9
"""Where no site says what share of the intervals must be known."""

_LACKING = ("it_wh", "total_wh", "green_wh", "co2_location_g", "co2_market_g")
_JUDGED = ("green_share", "co2_location_g", "co2_market_g")
_ROUNDING = 1e-6
_UNBOUNDED = "unbounded"


@dataclass(frozen=True)
class Highest:
    """The most that a site had in any quarter-hour of a period: Wh, and g by scope; None if none is known."""

    load: int | None = None
    location: int | None = None
    market: int | None = None


@dataclass(frozen=True)
class Amounts:
    """Energy in Wh and carbon in g CO2e; None where no interval tells it, or as ``withheld`` says.

    ``total_wh`` is ``it_wh`` and overhead, where the site's load is known; of it ``green_wh`` is known to be
    green, ``unknown_wh`` may be or not. ``missing_wh`` is at most what was used beside it where the load is
    not known for sure. ``green_share`` is ``green_wh`` of both: what is unknown counts as not green. Grams
    hold their bounds ``missing_…_g``. ``coverage`` is the share of the time of its GPUs of which the energy
    is known; of accounts the bounds hold the rest of that time (:func:`account_of`). ``lacking`` tells which
    amounts are sums over a part of the ``intervals`` only, and over how many; in ``known`` of them the load
    is known for sure.
    """

    gpu_wh: int
    it_wh: int | None
    overhead_wh: int | None
    total_wh: int | None
    green_wh: int | None
    other_wh: int | None
    unknown_wh: int | None
    missing_wh: int | None
    green_share: float | None
    co2_location_g: int | None
    co2_market_g: int | None
    missing_location_g: int | None
    missing_market_g: int | None
    coverage: float | None
    intervals: int
    known: int
    lacking: dict[str, int] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)


def bounded(sums: Sums, highest: Highest) -> Sums:
    """``sums`` of one site with bounds on what is not known, each interval as high as the ``highest``.

    Each bound is rounded up. Those of several sites add up.
    """
    found = dict(sums)
    for name in LOST:
        lost, most = sums[f"lost_{name}"], getattr(highest, name)
        unknown = lost > 0 and most is None
        found[f"{_UNBOUNDED}_{name}"] = int(unknown)
        found[f"missing_{name}"] = max(0, -(-lost * (most or 0) // WHOLE) - sums[UNSURE[name]])
    return found


def account_of(sums: Sums, floor: float = FLOOR) -> Amounts:
    """As :func:`amounts_of`, of accounts, whose GPUs may have been silent.

    In the time of which their energy is not known they are taken to have used what they did on average in the
    rest; of less than ``floor`` of it no share or grams are told.
    """
    expected, told = sums["expected_ms"], sums["told_ms"]
    untold = max(0, expected - told)
    found = dict(sums)
    for name, amount in LOST.items():
        if untold and not told:
            found[f"{_UNBOUNDED}_{name}"] += 1
        elif untold:
            most = sums[amount] + sums[f"missing_{name}"]
            found[f"missing_{name}"] += -(-most * untold // told)
    amounts = amounts_of(found, floor)
    if amounts.coverage is None or amounts.coverage >= floor - _ROUNDING:
        return amounts
    known = share(amounts.coverage)
    reason = f"the energy of its GPUs is known for {known} of their time, below the floor of {share(floor)}"
    silent = dict.fromkeys(_JUDGED, reason)
    return replace(
        amounts, green_share=None, co2_location_g=None, co2_market_g=None, withheld=silent | amounts.withheld
    )


def amounts_of(sums: Sums, floor: float = FLOOR) -> Amounts:
    """What :func:`bounded` sums tell; shares and grams only if ``floor`` (0..1) of them are known."""
    told = {name: sums[name] if sums[f"n_{name}"] else None for name in NULLABLE}
    total, green, unknown = told["total_wh"], told["green_wh"], told["unknown_wh"]
    missing = {name: None if sums[f"{_UNBOUNDED}_{name}"] else sums[f"missing_{name}"] for name in LOST}
    withheld = _withheld(sums, floor)
    grams = {
        name: _plus(told[amount], missing[name]) if amount not in withheld else None
        for name, amount in LOST.items()
    }
    most = _plus(total, missing["load"]) if "green_share" not in withheld else None
    expected = sums["expected_ms"]
    counted = {name: sums[f"n_{name}"] for name in _LACKING}
    return Amounts(
        gpu_wh=sums["gpu_wh"],
        it_wh=told["it_wh"],
        overhead_wh=told["overhead_wh"],
        total_wh=total,
        green_wh=green,
        other_wh=None if total is None or green is None else total - green - (unknown or 0),
        unknown_wh=unknown,
        missing_wh=missing["load"],
        green_share=green / most if green is not None and most else None,
        co2_location_g=grams["location"],
        co2_market_g=grams["market"],
        missing_location_g=missing["location"],
        missing_market_g=missing["market"],
        coverage=sums["told_ms"] / expected if expected else None,
        intervals=sums["intervals"],
        known=max(0, sums["n_total_wh"] - sums["n_unsure"]),
        lacking={name: known for name, known in counted.items() if known < sums["intervals"]},
        withheld=withheld,
    )


def _plus(amount: int | None, bound: int | None) -> int | None:
    return None if amount is None or bound is None else amount + bound


def _withheld(sums: Sums, floor: float) -> dict[str, str]:
    """Why figures are not told of which too little is known for sure, by their names."""
    found = {}
    unsure, intervals = sums["n_unsure"], sums["intervals"]
    names: Mapping[str, tuple[str, str]] = {
        "green_share": ("total_wh", "the site's load"),
        "co2_location_g": ("co2_location_g", "the site's location-based carbon"),
        "co2_market_g": ("co2_market_g", "the site's market-based carbon"),
    }
    for figure, (amount, what) in names.items():
        known = max(0, sums[f"n_{amount}"] - unsure)
        if intervals and (known == 0 or known < floor * intervals - _ROUNDING):
            part = share(known / intervals)
            found[figure] = (
                f"{what} is known for {part} of the quarter-hours, below the floor of {share(floor)}"
            )
    return found
