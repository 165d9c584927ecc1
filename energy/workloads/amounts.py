"""Sums over accounts: what is added up, in the database and after it, and what the sums tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, case, func

from energy.workloads.flag import Flag

Sums = Mapping[str, int]
"""Of every name in :data:`SUMMED` a sum over intervals; an amount that one does not tell adds nothing."""

NULLABLE = (
    "it_wh", "overhead_wh", "total_wh", "green_wh", "unknown_wh", "co2_location_g", "co2_market_g",
)  # fmt: skip
"""Amounts that an interval may not tell: ``n_<amount>`` counts those that do."""

ALWAYS = ("gpu_wh", "told_ms", "expected_ms")
"""Amounts that every interval tells."""

FLAGS = (Flag.SHARED, Flag.OVERSOLD, Flag.UNKNOWN_GPU, Flag.BY_COUNTER)
"""Oddities of accounts: ``n_<flag>`` counts the intervals that have one."""

SUMMED = (
    *ALWAYS,
    *NULLABLE,
    "intervals",
    *(f"n_{name}" for name in NULLABLE),
    *(f"n_{str(flag.name).lower()}" for flag in FLAGS),
)

_LACKING = ("it_wh", "total_wh", "green_wh", "co2_location_g", "co2_market_g")


@dataclass(frozen=True)
class Amounts:
    """Energy in Wh and carbon in g CO2e; None where no interval tells it.

    ``total_wh`` is ``it_wh`` and overhead; of it ``green_wh`` is known to be green, ``unknown_wh`` may be or
    not. ``green_share`` counts what is unknown as not green. ``coverage`` is the share of the time of
    its GPUs of which the energy is known. ``lacking`` tells which amounts are sums over a part of the
    ``intervals`` only, and over how many.
    """

    gpu_wh: int
    it_wh: int | None
    overhead_wh: int | None
    total_wh: int | None
    green_wh: int | None
    other_wh: int | None
    unknown_wh: int | None
    green_share: float | None
    co2_location_g: int | None
    co2_market_g: int | None
    coverage: float | None
    intervals: int
    lacking: dict[str, int] = field(default_factory=dict)


def interval_sums(table: Table, names: Mapping[str, str] | None = None) -> dict[str, ColumnElement[Any]]:
    """Sums by name over a table of intervals, which may have other ``names`` for its columns."""
    names = names or {}

    def column(name: str) -> ColumnElement[Any]:
        return table.c[names.get(name, name)]

    total, it, green = column("total_wh"), column("it_wh"), column("green_wh")
    told = {name: column(name) for name in (*ALWAYS, *NULLABLE) if name != "overhead_wh"}
    told["overhead_wh"] = total - it
    told["unknown_wh"] = case((green.is_(None), total), else_=column("unknown_wh"))
    sums: dict[str, ColumnElement[Any]] = {name: func.sum(one) for name, one in told.items()}
    sums |= {f"n_{name}": func.count(told[name]) for name in NULLABLE}
    for flag in FLAGS:
        has = func.nullif(table.c.flags.op("&")(int(flag)), 0)
        sums[f"n_{str(flag.name).lower()}"] = func.count(has)
    sums["intervals"] = func.count()
    return {name: sums[name] for name in SUMMED}


def sums_of(row: Any) -> Sums:
    """The sums that a row of the database has."""
    return {name: int(row._mapping[name] or 0) for name in SUMMED}


def together(every: Iterable[Sums]) -> Sums:
    """The sums of all."""
    found = dict.fromkeys(SUMMED, 0)
    for sums in every:
        for name in SUMMED:
            found[name] += sums[name]
    return found


def flags_of(sums: Sums) -> int:
    """The oddities that any of the intervals has."""
    return sum(int(flag) for flag in FLAGS if sums[f"n_{str(flag.name).lower()}"])


def amounts_of(sums: Sums) -> Amounts:
    """What the sums tell."""
    told = {name: sums[name] if sums[f"n_{name}"] else None for name in NULLABLE}
    total, green, unknown = told["total_wh"], told["green_wh"], told["unknown_wh"]
    other = None if total is None else total - (green or 0) - (unknown or 0)
    counted = {name: sums[f"n_{name}"] for name in _LACKING}
    expected = sums["expected_ms"]
    return Amounts(
        gpu_wh=sums["gpu_wh"],
        it_wh=told["it_wh"],
        overhead_wh=told["overhead_wh"],
        total_wh=total,
        green_wh=green,
        other_wh=other if green is not None else None,
        unknown_wh=unknown,
        green_share=green / total if green is not None and total else None,
        co2_location_g=told["co2_location_g"],
        co2_market_g=told["co2_market_g"],
        coverage=sums["told_ms"] / expected if expected else None,
        intervals=sums["intervals"],
        lacking={name: known for name, known in counted.items() if known < sums["intervals"]},
    )
