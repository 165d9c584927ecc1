"""Any site with all that figures know: virtual meter, office, plants, battery, certificates, heat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from energy.settlement.registers import ESTIMATED, MISSING, OK, RESET, SUBSTITUTED
from energy.sums.sheet import Sheet
from telemetry.frame import Floats
from tests.unit.energy.arrays import sheet
from tests.unit.energy.plant import site

HOURS = 12
QUARTERS = 4 * HOURS
EFFICIENCY = 0.75
IMPORT, EXPORT, IT, OFFICE = (
    "meter/main-1/energy",
    "meter/main-1/export",
    "meter/ups-a/energy",
    "meter/desks/energy",
)
WIND, SUN, SOLD = "supply/wind/energy", "supply/pv/energy", "supply/sold/energy"
CHARGE, GIVEN = "supply/bat/charge", "supply/bat/discharge"
HEAT, WATER = "heat/h/energy", "water/w/volume"
REGISTERS = (IMPORT, EXPORT, IT, OFFICE, WIND, SUN, SOLD, CHARGE, GIVEN, HEAT, WATER)
SUBSTITUTABLE = (IMPORT, IT, OFFICE)
"""Registers that the documented estimate may stand in for."""

SITE = site(
    meter=[
        {"id": "main-1", "role": "utility"},
        {"id": "ups-a", "role": "other"},
        {"id": "desks", "role": "office", "parent": "main-1"},
    ],
    virtual=[{"id": "it", "role": "it", "category": "pue1", "plus": ["ups-a"]}],
    supply=[
        {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 60, "share": 0.5},
        {"id": "pv", "kind": "onsite_solar", "max_power_kw": 60},
        {"id": "sold", "kind": "onsite_wind", "max_power_kw": 60, "certificates": "sold"},
        {"id": "bat", "kind": "battery", "max_power_kw": 60, "round_trip": EFFICIENCY},
    ],
    heat=[{"id": "h"}],
    water=[{"id": "w"}],
)

_QUALITIES = ([OK] * 12, [OK] * 12 + [MISSING], [OK] * 8 + [MISSING, ESTIMATED, ESTIMATED, RESET])


@dataclass(frozen=True)
class World:
    """Wh per quarter of each of :data:`REGISTERS`, how well it is known, and certificates by registry."""

    rows: Mapping[str, Floats]
    marks: Mapping[str, Floats]
    timed: Mapping[str, Floats]

    @property
    def sheet(self) -> Sheet:
        """The ledger of it."""
        lines = {name: np.where(self.marks[name] == MISSING, np.nan, wh) for name, wh in self.rows.items()}
        return sheet(
            {name: wh.tolist() for name, wh in lines.items()},
            {name: marks.tolist() for name, marks in self.marks.items()},
        )

    def known_less(self, register: str, lost: Floats, left: tuple[int, float]) -> World:
        """The same where ``lost`` is known by the quality ``left`` only, as so much of what it was."""
        quality, part = left
        wh = np.where(lost, np.rint(part * self.rows[register]), self.rows[register])
        marks = np.where(lost, quality, self.marks[register])
        return World({**self.rows, register: wh}, {**self.marks, register: marks}, self.timed)


@st.composite
def worlds(draw: st.DrawFn, known: bool = False) -> World:
    """What can be: all that comes in is used, stored or goes out. All of it is ``known``, or some is not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = flows(random, draw(st.sampled_from([2, 50, 1000])))
    marks = {name: np.full(QUARTERS, OK) for name in REGISTERS}
    if not known:
        for name in REGISTERS:
            pool = [*draw(st.sampled_from(_QUALITIES)), *([SUBSTITUTED] if name in SUBSTITUTABLE else [])]
            length = draw(st.sampled_from([1, 3, 8]))
            marks[name] = random.choice(pool, QUARTERS).repeat(length)[:QUARTERS]
    timed = {
        "PL": np.where(random.random(QUARTERS) < 0.5, random.integers(0, 300, QUARTERS), 0).astype(np.float64)
    }
    return World(rows, marks, timed)


def flows(random: np.random.Generator, most: int) -> dict[str, Floats]:
    """Registers of a site that uses up to ``most`` Wh a quarter (its IT three quarters of that).

    Its battery charges and discharges as it likes, and some of what its own plants give goes out.
    """
    load, sun, sold, wind, moves, out = random.integers(0, most, (6, QUARTERS)).astype(np.float64)
    wind *= random.integers(0, 4)
    charge, given, content = np.zeros(QUARTERS), np.zeros(QUARTERS), 0.0
    for at, move in enumerate(moves - most // 2):
        charge[at] = max(0.0, move)
        given[at] = min(max(0.0, -move), load[at], np.floor(content * EFFICIENCY))
        content += charge[at] - given[at] / EFFICIENCY
    desks, export = np.floor(load / 10), np.minimum(out, sun + sold)
    needed = load + desks + charge - given
    imported = np.maximum(needed + export - sun - sold, 0.0)
    return {
        IMPORT: imported,
        EXPORT: imported + sun + sold - needed,
        IT: np.floor(load * 3 / 4),
        OFFICE: desks,
        WIND: wind,
        SUN: sun,
        SOLD: sold,
        CHARGE: charge,
        GIVEN: given,
        HEAT: np.floor(load / 5),
        WATER: np.floor(load / 50),
    }
