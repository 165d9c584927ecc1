"""How a meter tree closes: each meter against those below it, and every kilowatt-hour of the inlet once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from energy.tree.formula import Formula

Verdict = Literal["closes", "too much below", "gap", "unmetered", "unknown"]
"""``closes``: within uncertainty and stated losses. ``too much below``: the meters below count more than the
one above. ``gap``: below what feeds IT equipment, they count less than losses explain; ``unmetered``: so they
do elsewhere, where not all that is used need have a meter of its own. ``unknown``: there is no quarter-hour
in which all of them are known."""


@dataclass(frozen=True)
class Node:
    """One meter of the tree: where it stands, and its energy over the quarters in which that is known."""

    id: str
    kind: Literal["meter", "virtual", "cooling"]
    role: str
    category: str | None
    hall: str | None
    parent: str | None
    energy_wh: float | None
    known: int
    expected: int
    accuracy_class: float | None
    calibrated: date | None


@dataclass(frozen=True)
class Closing:
    """A parent against its children, over the ``known`` of ``expected`` quarters in which all are known.

    ``residual_wh`` is what is left of the parent, to lie between ``least_wh`` and ``most_wh``: uncertainty of
    all the meters on both sides (k=2), and stated losses. ``assumed``: a meter names no class, and was taken
    as of class 1.
    """

    parent: str
    children: tuple[str, ...]
    parent_wh: float | None
    children_wh: float | None
    residual_wh: float | None
    least_wh: float | None
    most_wh: float | None
    known: int
    expected: int
    assumed: bool
    verdict: Verdict


@dataclass(frozen=True)
class Share:
    """One line of the energy that passed the inlet; all lines of a site add up to ``inlet_wh``.

    ``metered`` is what a meter with none below it told, ``residual`` what a parent has beyond its children,
    ``unknown`` what it has where one of them is not known, ``stored`` what batteries took less what they
    gave.
    """

    id: str
    kind: Literal["metered", "residual", "unknown", "stored"]
    role: str
    energy_wh: float


@dataclass(frozen=True)
class Part:
    """A named sub-boundary: its pPUE over the quarters in which both energies are known."""

    hall: str
    it_wh: float | None
    all_wh: float | None
    ppue: float | None
    known: int
    expected: int
    withheld: str | None
    gpu_wh: float | None = None


@dataclass(frozen=True)
class Point:
    """E_IT at one point, and E_DC over the same quarters: PUE of that category."""

    category: str
    headline: bool
    eit_wh: float | None
    pue: float | None
    known: int
    withheld: str | None


@dataclass(frozen=True)
class Gpus:
    """What the GPUs told of themselves over ``hours`` whole hours: attribution, never a part of E_IT.

    ``eit_wh`` is E_IT of the same hours; ``plausible`` whether it is no less, None where nothing can be said.
    """

    energy_wh: float | None
    eit_wh: float | None
    hours: int
    plausible: bool | None
    halls: Mapping[str, float]


@dataclass(frozen=True)
class Closure:
    """The tree of ``site`` (its key) in one part of a period, in which it stayed the same.

    ``inlet_wh`` is imports less exports plus on-site generation, over the quarters in which that is known;
    ``pue_uncertainty`` the relative expanded uncertainty (k=2) of the PUE, None unless every class is named.
    """

    site: str
    start: datetime
    end: datetime
    inlet_wh: float | None
    pue_uncertainty: float | None
    nodes: tuple[Node, ...]
    closings: tuple[Closing, ...]
    shares: tuple[Share, ...]
    formulas: tuple[Formula, ...]
    halls: tuple[Part, ...]
    points: tuple[Point, ...]
    gpus: Gpus

    def faults(self) -> Iterator[str]:
        """What contradicts itself, in words."""
        for one in self.closings:
            if one.verdict in ("too much below", "gap"):
                yield f"{one.parent}: {one.verdict}"
        if self.gpus.plausible is False:
            yield "the GPUs tell of more energy than E_IT"
