"""Consumption-based intensity: what is used in a zone, imports included, traced to where it was made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def consumption_intensity(
    produced: Mapping[str, float],
    intensity: Mapping[str, float],
    flows: Mapping[tuple[str, str], float],
) -> dict[str, float]:
    """g CO2e/kWh of what is used in each zone of ``produced``, by flow tracing; NaN where it is not known.

    ``produced`` is MWh generated in each zone, ``intensity`` its production-based g/kWh, ``flows`` MWh from
    one zone to another. Each zone is one pool: what leaves it is as what it made and took in,

        ci[z] * (produced[z] + imports[z]) = produced[z] * intensity[z] + sum(flow[j, z] * ci[j])

    A zone that takes from one of which nothing is known (not in ``produced``) is not known, nor is any that
    takes from it in turn. Raises ValueError for a negative energy.
    """
    zones = sorted(produced)
    if any(value < 0 for value in (*produced.values(), *flows.values())):
        raise ValueError("energies of a flow are 0 or more; write what runs backwards the other way round")
    place = {zone: number for number, zone in enumerate(zones)}
    blind = _blind(zones, intensity, produced, flows)
    known = [zone for zone in zones if zone not in blind]
    matrix = np.zeros((len(zones), len(zones)))
    emitted = np.zeros(len(zones))
    for zone in zones:
        matrix[place[zone], place[zone]] = produced[zone]
        emitted[place[zone]] = produced[zone] * intensity[zone] if produced[zone] else 0.0
    for (source, target), mwh in flows.items():
        if target in place and source in place and source != target:
            matrix[place[target], place[target]] += mwh
            matrix[place[target], place[source]] -= mwh
    rows = [place[zone] for zone in known if matrix[place[zone], place[zone]] > 0]
    solved = np.full(len(zones), np.nan)
    if rows:
        # A zone of which all is known takes from none that is blind, so these equations stand by themselves.
        solved[rows] = np.linalg.solve(matrix[np.ix_(rows, rows)], emitted[rows])
    return {zone: float(solved[place[zone]]) for zone in zones}


def _blind(
    zones: list[str],
    intensity: Mapping[str, float],
    produced: Mapping[str, float],
    flows: Mapping[tuple[str, str], float],
) -> set[str]:
    """Zones that made or took something of which nothing is known."""
    found = {z for z in zones if produced[z] and not np.isfinite(intensity.get(z, np.nan))}
    fed = {(source, target) for (source, target), mwh in flows.items() if mwh > 0}
    found |= {target for source, target in fed if source not in produced and target in produced}
    while True:
        further = {target for source, target in fed if source in found and target in produced} - found
        if not further:
            return found
        found |= further
