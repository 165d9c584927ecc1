"""Sums over accounts: what is added up, in the database and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, case, func, literal, or_

from energy.workloads.flag import Flag
from energy.workloads.share import WHOLE

Sums = Mapping[str, int]
"""Of every name in :data:`SUMMED` a sum over intervals; an amount that one does not tell adds nothing."""

NULLABLE = (
    "it_wh", "overhead_wh", "total_wh", "green_wh", "unknown_wh", "co2_location_g", "co2_market_g",
)  # fmt: skip
"""Amounts that an interval may not tell: ``n_<amount>`` counts those that do."""

ALWAYS = ("gpu_wh", "told_ms", "expected_ms")
"""Amounts that every interval tells."""

FLAGS = (Flag.SHARED, Flag.OVERSOLD, Flag.UNKNOWN_GPU, Flag.BY_COUNTER, Flag.UNSURE, Flag.CROWDED)
"""Oddities of accounts: ``n_<flag>`` counts the intervals that have one."""

LOST = {"load": "total_wh", "location": "co2_location_g", "market": "co2_market_g"}
"""What a bound stands for where it is not known for sure: ``lost_<name>`` sums the parts of such intervals.

What of the amount is known there all the same is in ``unsure_<name>``.
"""

UNSURE = {"load": "unsure_wh", "location": "unsure_location_g", "market": "unsure_market_g"}

SUMMED = (
    *ALWAYS,
    *NULLABLE,
    "intervals",
    *(f"n_{name}" for name in NULLABLE),
    *(f"n_{str(flag.name).lower()}" for flag in FLAGS),
    *(f"lost_{name}" for name in LOST),
    *UNSURE.values(),
)


def interval_sums(
    table: Table, names: Mapping[str, str | None] | None = None
) -> dict[str, ColumnElement[Any]]:
    """Sums by name over a table of intervals, which may have other ``names`` for its columns.

    ``part`` with the name None is the whole. So is one that an earlier version did not keep.
    """
    names = names or {}

    def column(name: str) -> ColumnElement[Any]:
        return table.c[names.get(name) or name]

    total, it, green = column("total_wh"), column("it_wh"), column("green_wh")
    told = {name: column(name) for name in (*ALWAYS, *NULLABLE) if name != "overhead_wh"}
    told["overhead_wh"] = total - it
    told["unknown_wh"] = case((green.is_(None), total), else_=column("unknown_wh"))
    sums: dict[str, ColumnElement[Any]] = {name: func.sum(one) for name, one in told.items()}
    sums |= {f"n_{name}": func.count(told[name]) for name in NULLABLE}
    for flag in FLAGS:
        has = func.nullif(table.c.flags.op("&")(int(flag)), 0)
        sums[f"n_{str(flag.name).lower()}"] = func.count(has)
    unsure = table.c.flags.op("&")(int(Flag.UNSURE)) != 0
    whole = names.get("part", "part") is None
    part: ColumnElement[Any] = literal(WHOLE) if whole else func.coalesce(column("part"), WHOLE)
    for name, amount in LOST.items():
        sums[f"lost_{name}"] = func.sum(case((or_(unsure, told[amount].is_(None)), part), else_=0))
        sums[UNSURE[name]] = func.sum(case((unsure, told[amount]), else_=0))
    sums["intervals"] = func.count()
    return {name: sums[name] for name in SUMMED}


def sums_of(row: Any) -> Sums:
    """The sums that a row of the database has."""
    return {name: int(row._mapping[name] or 0) for name in SUMMED}


def together(every: Iterable[Sums]) -> Sums:
    """The sums of all."""
    found = dict.fromkeys(SUMMED, 0)
    for sums in every:
        for name, amount in sums.items():
            found[name] = found.get(name, 0) + amount
    return found


def flags_of(sums: Sums) -> int:
    """The oddities that any of the intervals has."""
    return sum(int(flag) for flag in FLAGS if sums[f"n_{str(flag.name).lower()}"])
