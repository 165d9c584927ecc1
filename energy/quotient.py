"""How a figure comes about: the sums above and below its line, with their numbers put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["Wh", "g", "L", "intervals"]


@dataclass(frozen=True)
class Term:
    """One sum: its ``name`` (an attribute of the sums of a step), what people call it, and its unit.

    ``adds``: the sums of all parts of a step make that of the step; a bound of the whole step does not.
    """

    name: str
    words: str
    unit: Unit = "Wh"
    sign: Literal[1, -1] = 1
    adds: bool = True

    def of(self, sums: object) -> float:
        """Its amount in ``sums``."""
        return float(getattr(sums, self.name))


@dataclass(frozen=True)
class Part:
    """A term with its number."""

    term: Term
    amount: float


@dataclass(frozen=True)
class Filled:
    """A formula with its numbers: ``numerator`` / ``denominator`` is the figure, whether or not it is told.

    Without ``below`` there is no line: the numerator is the figure.
    """

    formula: Quotient
    above: Sequence[Part]
    below: Sequence[Part]
    numerator: float
    denominator: float | None

    @property
    def value(self) -> float | None:
        """The figure as the numbers make it; None where nothing may be divided."""
        if self.denominator is None:
            return self.numerator
        return self.numerator / self.denominator if self.denominator > 0 and self.numerator >= 0 else None


@dataclass(frozen=True)
class Quotient:
    """``times`` × Σ ``above`` ÷ (``per`` × Σ ``below``); without ``below`` a sum.

    ``over`` is what the denominator is called where it is 0; ``capped``: the numerator is no more than the
    denominator.
    """

    above: Sequence[Term]
    below: Sequence[Term] = ()
    over: str = ""
    times: int = 1
    per: int = 1
    capped: bool = False

    def of(self, sums: object) -> Filled:
        """The formula with the numbers of ``sums``."""
        above, below = _parts(self.above, sums), _parts(self.below, sums)
        numerator, denominator = self.sides(sums)
        return Filled(self, above, below, numerator, denominator)

    def sides(self, sums: object) -> tuple[float, float | None]:
        """What stands above and below the line; None without one."""
        above = self.times * _summed(self.above, sums) / self.per
        if not self.below:
            return above, None
        below = _summed(self.below, sums)
        return min(above, below) if self.capped else above, below


def _parts(terms: Sequence[Term], sums: object) -> list[Part]:
    return [Part(term, term.of(sums)) for term in terms]


def _summed(terms: Sequence[Term], sums: object) -> float:
    found = terms[0].sign * terms[0].of(sums)
    for term in terms[1:]:
        found += term.sign * term.of(sums)
    return found
