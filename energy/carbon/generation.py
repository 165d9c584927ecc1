"""From what was generated in a zone to its shares and its production-based intensity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from energy.carbon.factor import FactorSet
from energy.carbon.technology import CODES
from telemetry.frame import Floats

TAKEN = "-"
"""Behind a code: what a storage of that type took, which is no generation."""


def written(mwh: Mapping[str, float]) -> str:
    """MWh by psrType as they are kept; equal for equal mixes."""
    return json.dumps({code: round(value, 6) for code, value in sorted(mwh.items())})


class Throughput(NamedTuple):
    """MWh of each hour: ``made`` without storages, and what these gave less what they took, ``net``."""

    made: Floats
    net: Floats


def throughput(generation: Sequence[str | None]) -> Throughput:
    """What went through the plants of a zone; NaN where it is not known."""
    amounts, length = _amounts(tuple(generation)), len(generation)
    nowhere = np.where([told is None for told in generation], np.nan, 0.0)
    made = _sum((mwh for code, mwh in amounts.items() if code in CODES and not CODES[code].stores), length)
    given = _sum((mwh for code, mwh in amounts.items() if code in CODES and CODES[code].stores), length)
    taken = _sum((mwh for code, mwh in amounts.items() if code.endswith(TAKEN)), length)
    return Throughput(made + nowhere, given - taken + nowhere)


def intensity(generation: Sequence[str | None], factors: FactorSet, zone: str, first: int) -> Floats:
    """Renewable share, carbon-free share and g CO2e/kWh of each hour from ``first`` on: float64[3, hours].

    ``generation`` is as :func:`written`; None is not known. What storages give and take is left out: it was
    generated before. All three are NaN where nothing was generated, the intensity also where a type ran that
    the set has no factor of.
    """
    hours, found = len(generation), _amounts(tuple(generation))
    amounts = {code: found.get(code, np.zeros(hours)) for code in CODES}
    return mixed(amounts, {code: factors.values(made, zone, first, hours) for code, made in CODES.items()})


@lru_cache(maxsize=32)
def _amounts(generation: tuple[str | None, ...]) -> Mapping[str, Floats]:
    """MWh of each hour by code; several sets ask for those of one zone, one after the other."""
    found: dict[str, Floats] = {}
    for number, told in enumerate(generation):
        for code, mwh in json.loads(told).items() if told else ():
            found.setdefault(code, np.zeros(len(generation)))[number] = mwh
    return found


def mixed(amounts: Mapping[str, Floats], factors: Mapping[str, Floats]) -> Floats:
    """The same of energies and g/kWh by psrType, in arrays of one length."""
    made = {code: energy for code, energy in amounts.items() if not CODES[code].stores}
    length = len(next(iter(amounts.values())))
    total = _sum(made.values(), length)
    total = np.where(total > 0, total, np.nan)
    renewable = _sum((e for code, e in made.items() if CODES[code].renewable), length)
    carbon_free = _sum((e for code, e in made.items() if CODES[code].carbon_free), length)
    grams = _sum((np.where(e == 0, 0.0, e * factors[code]) for code, e in made.items()), length)
    return np.vstack((renewable, carbon_free, grams)) / total


def _sum(arrays: Iterable[Floats], length: int) -> Floats:
    return sum(arrays, start=np.zeros(length))
