"""The contract of a KPI: sums over one step in, a figure or the reason why there is none out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from energy.totals import Totals
from runtime.options import Options
from runtime.registry import Registry

_ROUNDING = 1e-6
"""Quarters: 0.9 × 2,980 must not be more than 2,682."""


@dataclass(frozen=True)
class Figure:
    """A KPI's ``value``, or None and the reason why it is ``withheld``."""

    value: float | None
    withheld: str | None = None


class KpiOptions(Options):
    """A KPI has nothing to configure: its method is part of the ledger's version."""


class Kpi(Protocol):
    """One figure. Pure: the same sums give the same figure.

    ``name`` is its field in :class:`energy.figures.KpiRow`, ``unit`` what it is measured in;
    ``needs_mix`` whether its sums take the mix of the grid.
    """

    name: str
    unit: str
    needs_mix: bool

    def figure(self, totals: Totals, floor: float) -> Figure:
        """The value over the step; withheld when less than ``floor`` (0..1) of the step is known."""
        ...


def uncovered(known: float | None, expected: float, floor: float, what: str) -> str | None:
    """Why a figure is withheld whose ``what`` is known in ``known`` of ``expected`` quarters; None if not."""
    if expected == 0:
        return "nothing is settled in this period yet"
    if known is None:
        return f"no {what} meter is configured"
    if known < floor * expected - _ROUNDING or known == 0:
        return f"{what} is known for {known / expected:.1%} of the period, below the floor of {floor:.1%}"
    return None


def quotient(numerator: float, denominator: float, withheld: str | None, over: str) -> Figure:
    """``numerator / denominator`` unless ``withheld``; a denominator (called ``over``) of 0 withholds too."""
    if withheld is not None:
        return Figure(None, withheld)
    if denominator <= 0:
        return Figure(None, f"{over} is 0 in this period")
    return Figure(numerator / denominator)


KPIS: Registry[Kpi] = Registry("kpi")
