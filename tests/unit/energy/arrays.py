"""Balances written by hand: a few quarters of a site, straight into a ledger sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from energy.configuration.era import BEGINNING, FOREVER, Era
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.settlement.registers import MISSING, OK
from energy.sums.balance import Balance
from energy.sums.columns import columns
from energy.sums.gridmix import GridMix
from energy.sums.matching import Match
from energy.sums.sheet import LedgerRegister, Sheet
from energy.sums.splice import spliced
from energy.sums.storage import Stored
from energy.sums.totals import Totals
from runtime.clock import to_ms

FIRST = to_ms(datetime(2026, 10, 5, tzinfo=UTC)) // QUARTER_MS
NAN = float("nan")


def sheet(
    amounts: Mapping[str, Sequence[float]], qualities: Mapping[str, Sequence[int]] | None = None
) -> Sheet:
    """``{"meter/main-1/energy": [...]}`` in Wh; NaN is missing, other qualities are ``ok`` unless given."""
    registers, lines, marks = [], [], []
    for number, (name, values) in enumerate(amounts.items()):
        measurement, meter, channel = name.split("/")
        registers.append(LedgerRegister(number + 1, (measurement, meter, channel), None, None))
        line = np.asarray(values, dtype=np.float64)
        lines.append(line)
        told = (qualities or {}).get(name)
        marks.append(np.where(np.isnan(line), MISSING, OK) if told is None else np.asarray(told))
    amount = np.vstack(lines)
    return Sheet(
        FIRST, tuple(registers), amount, np.vstack(marks).astype(np.int8), np.ones(amount.shape, np.int32)
    )


def hourly(*wh: float) -> list[float]:
    """Hours as quarters of equal energy, as near as whole Wh allow: the ledger knows no fractions."""
    edges = [np.rint(value * np.arange(5) / 4) for value in wh]
    return [float(part) for edge in edges for part in np.diff(edge)]


def grid(quarters: int, share: Sequence[float] | float = NAN, carbon: float = NAN) -> GridMix:
    """A zone's mix per quarter."""
    return GridMix(np.broadcast_to(np.asarray(share, dtype=np.float64), quarters), np.full(quarters, carbon))


def summed(site: SiteOptions, found: Sheet, mix: GridMix | None = None) -> Totals:
    """The sums over the whole sheet."""
    energies, store, matched = account(site, found)
    mix = mix or GridMix.unknown(found.quarters)
    return columns(energies, store, matched, mix).totals(0, found.quarters)


def sealed(site: SiteOptions, found: Sheet) -> SiteOptions:
    """``site`` whose meters without an export register in the sheet say that they never export."""
    meters = tuple(
        meter
        if ("meter", meter.id, "export") in found.lines
        else meter.model_copy(update={"exports": "none"})
        for meter in site.meter
    )
    return site.model_copy(update={"meter": meters})


def account(
    site: SiteOptions, found: Sheet, timed: Mapping[str, Sequence[float]] | None = None
) -> tuple[Balance, Stored, Match]:
    """Balance, storage and matching of one site; ``timed`` are certificates by registry, Wh per quarter.

    A meter of which the sheet has no export register never exports.
    """
    site = sealed(site, found)
    held = {name: np.asarray(wh, dtype=np.float64) for name, wh in (timed or {}).items()}
    return spliced((Era(BEGINNING, FOREVER, site),), found, held)
