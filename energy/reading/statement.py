"""The completeness statement of each meter over a period."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from energy.configuration.device import ENERGY, VOLUME, Device
from energy.figures import Figures, MeterStatement
from energy.interval import QUARTER, Period
from energy.settlement.registers import ESTIMATED, RESET, SUBSTITUTED
from energy.sums.line import Flags
from energy.sums.sheet import LedgerRegister, Sheet

HARDLY = 0.01
"""A month of which less than this share (0..1) is known was hardly metered: metering began as it ended."""


async def metered(figures: Figures, site: str, period: Period) -> bool:
    """Whether there is enough of ``period`` to report on: some energy register is known for :data:`HARDLY`.

    Counted against the whole period, not against what was expected: a register that begins in the last
    hour of a month is complete from there on.
    """
    least = HARDLY * ((period.end - period.start) / QUARTER)
    told = await figures.statements(site, period)
    return any(0 < s.known >= least for s in told if s.channel != VOLUME)


def statements(found: Iterable[tuple[Device, Flags]], sheet: Sheet, first: int) -> list[MeterStatement]:
    """One for each register of the ``found`` devices, over settled quarters from ``first`` on.

    Each device comes with the quarters in which it was configured: it is expected in no other. A meter that
    never spoke has its statement too. A register is expected from when it begins.
    """
    told = []
    for device, there in found:
        for channel in device.channels:
            line = sheet.lines.get((device.measurement.name, device.id, channel.name))
            if line is None and channel.name not in (ENERGY, VOLUME):
                continue
            if line is None:
                expected = int(np.count_nonzero(there))
                told.append(
                    MeterStatement(device.id, channel.name, device.role, None, expected, 0, 0, 0, expected)
                )
                continue
            told.append(_statement(sheet, line, first + np.flatnonzero(there), device.role))
    return told


def _statement(sheet: Sheet, line: int, quarters: npt.NDArray[np.intp], role: str) -> MeterStatement:
    register: LedgerRegister = sheet.registers[line]
    part = quarters[register.begun(quarters)] - sheet.first
    amount, quality = sheet.amount[line, part], sheet.quality[line, part]
    told = ~np.isnan(amount)
    known = told & (quality != SUBSTITUTED)
    total, water = float(amount[told].sum()) if told.any() else None, register.key[2] == VOLUME
    return MeterStatement(
        meter=register.key[1],
        channel=register.key[2],
        role=role,
        energy_wh=None if water else total,
        expected=len(part),
        known=int(np.count_nonzero(known)),
        estimated=int(np.count_nonzero((quality == ESTIMATED) | (quality == SUBSTITUTED))),
        resets=int(np.count_nonzero(quality == RESET)),
        longest_gap_intervals=0 if known.all() else _longest(~known),
        volume_l=total if water else None,
    )


def _longest(flags: Flags) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
