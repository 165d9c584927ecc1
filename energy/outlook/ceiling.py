"""How much a period may still use at most: what is certain before its end must hold for all of that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from energy.configuration.site import SiteOptions
from energy.sums.line import HOUR
from energy.sums.rating import rating


@dataclass(frozen=True)
class Ceiling:
    """The most that one hour adds to the basis, Wh (or h), and by what: ``contracted`` power, or the
    ``highest`` hour that is known, which another may still pass; time passes as it does (``clock``)."""

    per_hour: float
    by: Literal["contracted", "highest", "clock"]

    @property
    def words(self) -> str:
        """What is taken for granted of the rest, for people; empty where nothing is."""
        told = {"contracted": "at contracted power", "highest": "at the highest known load", "clock": ""}
        return told[self.by]


CLOCK = Ceiling(1.0, "clock")


def load_ceiling(sites: Collection[SiteOptions], highest: float) -> Ceiling:
    """That of the load, and of E_IT, of ``sites`` together, of which an hour used ``highest`` Wh so far.

    Contracts bound it where every site has declared its ``contracted_kw`` and the ``max_power_kw`` of what
    generates or stores behind its inlet; unless an hour was higher than all that.
    """
    bounds = [_contracted(site) for site in sites]
    known = [bound for bound in bounds if bound is not None]
    bound = sum(known) if known and len(known) == len(bounds) else 0.0
    return Ceiling(bound, "contracted") if bound >= highest and bound > 0 else Ceiling(highest, "highest")


def _contracted(site: SiteOptions) -> float | None:
    """Wh that the site uses at most in an hour: what it may draw, and what its own plants can give."""
    most = rating(site)
    return HOUR * most.load if most.whole else None
