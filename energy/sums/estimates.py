"""How much of what figures are made of was never measured at its time: interpolated, or estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from energy.configuration.device import VOLUME
from energy.configuration.site import SiteOptions
from energy.sums.basis import Input
from energy.sums.claims import renewables
from energy.sums.line import Line, Lines, anywhere, total
from energy.tree import boundary
from telemetry.catalogue import HEAT, SUPPLY, WATER
from telemetry.frame import Floats


def estimates(
    site: SiteOptions, lines: Lines, sums: Mapping[Input, tuple[Sequence[Line], Floats]]
) -> dict[Input, Floats]:
    """By input, Wh (water: litres) per quarter that were interpolated or guessed.

    Of ``sums``, lines and what they add up to, it is all of a quarter in which one of the lines was.
    """
    kinds: dict[Input, list[tuple[float, Line]]] = {
        "supply": [(s.share, lines(SUPPLY.name, s.id)) for s in renewables(site)],
        "cooling": [(1.0, lines(*source)) for source in boundary.cooling(site)],
        "water": [(1.0, lines(WATER.name, one.id, VOLUME)) for one in site.water],
        "heat": [(1.0, lines(HEAT.name, one.id)) for one in site.heat if one.use == "reuse"],
    }
    found: dict[Input, Floats] = {
        name: np.where(anywhere((line.estimated for line in several), lines.sheet), np.nan_to_num(wh), 0.0)
        for name, (several, wh) in sums.items()
    }
    for name, parts in kinds.items():
        guesses = (np.where(line.estimated, share * np.nan_to_num(line.amount), 0.0) for share, line in parts)
        found[name] = total(guesses, lines.sheet)
    return found
