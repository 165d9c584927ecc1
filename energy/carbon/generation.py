"""From what was generated in a zone to its shares and its production-based intensity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
    made, net = np.full((2, len(generation)), np.nan)
    for number, told in enumerate(generation):
        if told is not None:
            parts = json.loads(told)
            made[number] = sum(mwh for code, mwh in parts.items() if _makes(code))
            net[number] = (
                sum(-mwh if code.endswith(TAKEN) else mwh for code, mwh in parts.items()) - made[number]
            )
    return Throughput(made, net)


def _makes(code: str) -> bool:
    return not code.endswith(TAKEN) and not CODES[code].stores


def intensity(generation: Sequence[str | None], factors: FactorSet, zone: str, first: int) -> Floats:
    """Renewable share, carbon-free share and g CO2e/kWh of each hour from ``first`` on: float64[3, hours].

    ``generation`` is as :func:`written`; None is not known. What storages give and take is left out: it was
    generated before. All three are NaN where nothing was generated, the intensity also where a type ran that
    the set has no factor of.
    """
    hours = len(generation)
    amounts = {code: np.zeros(hours) for code in CODES}
    for number, told in enumerate(generation):
        for code, mwh in json.loads(told or "{}").items():
            if not code.endswith(TAKEN):
                amounts[code][number] = mwh
    return mixed(amounts, {code: factors.values(made, zone, first, hours) for code, made in CODES.items()})


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
