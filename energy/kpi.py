"""The contract of a KPI: sums over one step in, a figure or the reason why there is none out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from energy.quantity import share
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals
from runtime.options import Options
from runtime.registry import Registry

Form = Literal["share", "ratio", "amount"]
"""``share``: of 0..1, written in percent and rounded down. ``ratio``: another quotient. ``amount``: a sum."""

FAULT = "metering fault"
"""How the reason begins where readings contradict each other, so that nothing is proven by them."""

LOAD = (Term("load", "load"), Term("load_missing", "bound for load that is not known", adds=False))
"""What shares of green energy by the hour divide by."""

TAKEN_IN = (Term("edc", "E_DC"), Term("edc_missing", "bound for E_DC that is not known", adds=False))
"""What the share of green energy by volume divides by (ISO/IEC 30134-3)."""

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

    ``name`` is what programs call it (:meth:`energy.figures.KpiRow.value`), ``label`` what people do,
    ``unit`` what it is measured in (``1`` has none), ``form`` whether it is written in percent, ``method``
    how it is made, for the report; ``needs_mix`` whether its sums take the mix of the grid. ``formula`` names
    its sums: with their numbers put in it is the figure.
    """

    name: str
    label: str
    unit: str
    form: Form
    method: str
    needs_mix: bool
    formula: Quotient

    def figure(self, totals: Totals, floor: float) -> Figure:
        """The value over the step; withheld when less than ``floor`` (0..1) of the step is known."""
        ...

    def basis(self, totals: Totals) -> Basis:
        """How well what it is made of is known over the step, whether or not it is told."""
        ...


def uncovered(
    known: float, expected: float, floor: float, what: str, unmetered: Sequence[str] = ()
) -> str | None:
    """Why a figure is withheld whose ``what`` is known in ``known`` of ``expected`` quarters; None if not.

    ``unmetered`` names the sites that have no meter of it: what is not metered is not 0.
    """
    if expected == 0:
        return "nothing is settled in this period yet"
    if unmetered:
        return f"no {what} meter at {' and '.join(unmetered)}"
    if known < floor * expected - _ROUNDING or known == 0:
        return (
            f"{what} is known for {share(known / expected)} of the period, below the floor of {share(floor)}"
        )
    return None


def fault(totals: Totals) -> str | None:
    """Why E_DC cannot be right, so that nothing over it may be told.

    The IT equipment alone used more, or a whole site that belongs to the figure never said anything.
    """
    if totals.silent:
        return f"nothing is known of {' and '.join(totals.silent)}"
    if totals.both_eit <= 0 or totals.both_edc + totals.both_released > totals.both_eit:
        return None
    ratio = totals.both_edc / totals.both_eit
    return f"{FAULT}: E_DC / E_IT is {ratio:.3f}, but cannot be 1 or less"


def unsound(totals: Totals, floor: float) -> str | None:
    """Why no share of E_DC may be told: too little of it is known, or it cannot be right."""
    told = uncovered(totals.edc_known, totals.expected, floor, "E_DC") or fault(totals)
    sound = totals.edc_known - totals.edc_refuted
    return told or uncovered(sound, totals.expected, floor, "E_DC that E_IT does not contradict")


def unmatched(totals: Totals, floor: float) -> str | None:
    """Why no share of the load may be told: besides E_DC, what batteries took and gave must be known."""
    what = "the load, E_DC with what batteries took and gave,"
    return unsound(totals, floor) or uncovered(totals.load_known, totals.expected, floor, what)


def unproven(totals: Totals, floor: float) -> str | None:
    """Why no share of the load that is proven may be told: the origin of too much of it is not known."""
    reason = unmatched(totals, floor)
    if reason is None and totals.load > 0 and totals.unknown > (1 - floor) * totals.load:
        known = 1 - totals.unknown / totals.load
        told = f"the origin of the energy is known for {share(known)} of it"
        return f"{told}, below the floor of {share(floor)}"
    return reason


def by_the_load(totals: Totals) -> Basis:
    """What shares of the load rest on."""
    return totals.basis(totals.load_known - totals.load_refuted, "edc", "supply")


def reused(totals: Totals) -> str | None:
    """Why heat cannot have been reused as its meters tell: of what was taken in no more can be handed on."""
    if totals.reuse <= totals.reuse_edc or totals.reuse_known == 0:
        return None
    return (
        f"{FAULT}: more heat was reused than energy taken in, {quotient_of(totals.reuse, totals.reuse_edc)}"
    )


def quotient_of(one: float, other: float) -> str:
    """The two in words, for a reason."""
    return f"{one / 1000:,.0f} kWh of {other / 1000:,.0f} kWh"


def quotient(numerator: float, denominator: float, withheld: str | None, over: str) -> Figure:
    """``numerator / denominator`` unless ``withheld``; below the line 0, or above it less, withholds too."""
    if withheld is not None:
        return Figure(None, withheld)
    if denominator <= 0:
        return Figure(None, f"{over} is not above 0 in this period")
    if numerator < 0:
        return Figure(None, f"{FAULT}: what is divided by {over} is below 0")
    return Figure(numerator / denominator)


def computed(formula: Quotient, sums: object, withheld: str | None) -> Figure:
    """What ``formula`` makes of ``sums`` unless ``withheld``; a denominator of 0 withholds too."""
    above, below = formula.sides(sums)
    if below is not None:
        return quotient(above, below, withheld, formula.over)
    return Figure(None if withheld is not None else above, withheld)


KPIS: Registry[Kpi] = Registry("kpi")
