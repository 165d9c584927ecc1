"""What E_DC and E_IT of a site are, said as a formula of its meters: text for people, terms for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.configuration.device import ENERGY, EXPORT
from energy.configuration.site import SiteOptions
from energy.tree import boundary
from energy.tree.members import Terms


@dataclass(frozen=True)
class Term:
    """One register of a formula: ``sign`` is 1 or -1 (or how often it counts), ``channel`` its name."""

    sign: int
    id: str
    channel: str


@dataclass(frozen=True)
class Formula:
    """What one figure is the sum of; ``category`` is the point at which IT energy is measured."""

    figure: str
    category: str | None
    text: str
    terms: tuple[Term, ...]


def formulas(site: SiteOptions) -> tuple[Formula, ...]:
    """E_DC, E_IT at the point of the headline PUE, and both energies of every hall."""
    utility, offices = boundary.inlet(site), boundary.office(site)
    edc = [Term(times, name, ENERGY) for (_, name), times in utility.items()]
    edc += [
        Term(-1, meter.id, EXPORT)
        for meter in site.meter
        if meter.exports == "metered" and utility.get(("meter", meter.id), 0) > 0
    ]
    edc += [Term(1, supply.id, ENERGY) for supply in site.supply if supply.kind.onsite]
    edc += [Term(-times, name, ENERGY) for (_, name), times in offices.items()]
    point = boundary.headline(site)
    found = [_formula("E_DC", None, edc), _formula("E_IT", point, _terms(boundary.it(site)))]
    for hall in boundary.halls(site):
        found.append(_formula(f"E {hall}", None, _terms(boundary.hall_all(site, hall))))
        found.append(_formula(f"E_IT {hall}", point, _terms(boundary.hall_it(site, hall))))
    return tuple(found)


def _terms(terms: Terms) -> list[Term]:
    return [Term(times, name, ENERGY) for (_, name), times in terms.items()]


def _formula(figure: str, category: str | None, terms: Sequence[Term]) -> Formula:
    return Formula(figure, category, f"{figure} = {_text(terms)}", tuple(terms))


def _text(terms: Sequence[Term]) -> str:
    if not terms:
        return "not metered"
    words = []
    for number, term in enumerate(sorted(terms, key=lambda term: term.sign < 0)):
        sign = "−" if term.sign < 0 else "+"
        times = "" if abs(term.sign) == 1 else f"{abs(term.sign)} × "
        name = term.id if term.channel == ENERGY else f"{term.id} {term.channel}"
        words.append(f"{times}{name}" if not number and sign == "+" else f"{sign} {times}{name}")
    return " ".join(words)
