"""Consumption-based attributes: what is used in a zone, imports included, traced to where it was made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats

_TRACE = 1e-9
"""A zone of whose energy a smaller part leads back to any production is like nothing that can be told."""


def consumption_based(produced: Floats, made: Floats, flows: Floats) -> Floats:
    """What a kWh that is used in each zone is like, by flow tracing: float64[zones, attributes, hours].

    ``produced`` is MWh generated, float64[zones, hours], ``made`` what a kWh of it is like (g CO2e, shares),
    ``flows`` MWh into the first zone from the second, float64[zones, zones, hours]. Each zone is one pool:
    what leaves it is as what it made and took in,

        x[z] * (produced[z] + imports[z]) = produced[z] * made[z] + sum(flow[z, j] * x[j])

    A zone that takes from one of which nothing is known (NaN) is not known, nor is any that takes from it in
    turn; each attribute by itself. Nor are zones that only pass energy to one another and made none.
    Raises ValueError for a negative energy.
    """
    if (produced < 0).any() or (flows < 0).any():
        raise ValueError("energies of a flow are 0 or more; write what runs backwards the other way round")
    zones, attributes, hours = made.shape
    flows = flows * (1 - np.eye(zones))[:, :, None]
    found = np.full((attributes, hours, zones), np.nan)
    taken = np.moveaxis(flows, 2, 0)  # hours, zones, zones
    held = np.nan_to_num(produced.T) + taken.sum(axis=2)
    matrix = np.eye(zones) * held[:, :, None] - taken
    empty = np.isnan(produced) | (_made_somewhere(np.nan_to_num(produced), flows, held.T) < _TRACE)
    for number in range(attributes):
        blind = _blind(empty, made[:, number], (produced, flows)).T
        emitted = np.nan_to_num(produced * made[:, number]).T
        # Whoever is known takes from none that is blind, so the equations of the others may stand empty.
        solvable = np.where(blind[:, :, None], np.eye(zones), np.where(blind[:, None, :], 0.0, matrix))
        solved = np.linalg.solve(solvable, np.where(blind, 0.0, emitted)[:, :, None])[:, :, 0]
        found[number] = np.where(blind, np.nan, solved)
    return np.moveaxis(found, 2, 0)


def _made_somewhere(produced: Floats, flows: Floats, held: Floats) -> Floats:
    """What part of its energy leads each zone back to a production, on the best way: float64[zones, hours].

    Where it is 0 the equations say nothing, as in a circle of zones that made nothing; near 0 rounding would.
    """
    whole = np.where(held > 0, held, 1.0)
    shares, found = flows / whole[:, None], produced / whole
    for _ in range(len(produced) - 1):
        found = np.maximum(found, (shares * found[None]).max(axis=1))
    return found


def _blind(
    empty: npt.NDArray[np.bool_], made: Floats, energies: tuple[Floats, Floats]
) -> npt.NDArray[np.bool_]:
    """Where a zone made or took something of which nothing is known: bool[zones, hours]."""
    produced, flows = energies
    blind = empty | ((produced > 0) & np.isnan(made))
    while True:
        further = blind | ((flows > 0) & blind[None]).any(axis=1)
        if (further == blind).all():
            return blind
        blind = further
