"""From readings, jobs and figures to the cut of every interval: pure, but for the reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from energy.interval import QUARTER_MS
from energy.workloads.claims import Claims, Gpus, claims
from energy.workloads.flag import Flag
from energy.workloads.minutes import Told
from energy.workloads.pieces import Meterage, by_counters, pieces
from energy.workloads.share import Cut, GpuEnergy, SiteInterval, cut
from energy.workloads.state import Jobs, Payer
from telemetry.frame import Floats, Ints

_MWH_PER_J = 1 / 3.6


@dataclass(frozen=True)
class Line:
    """What the ``payer`` had: told and expected time of its GPUs in ms."""

    payer: Payer
    told_ms: int
    expected_ms: int
    flags: Flag


@dataclass(frozen=True)
class Reckoned:
    """One interval: ``lines`` go with the shares of ``cut``; time of all GPUs of the site that was told."""

    quarter: int
    lines: Sequence[Line]
    cut: Cut
    told_ms: int
    expected_ms: int


def reckoned(quarter: int, site: SiteInterval, told: Told, jobs: Jobs) -> Reckoned:
    """The cut of one quarter (a number since 1970), of which ``told`` and ``jobs`` tell and of no other."""
    return _Reckoner(quarter, told, jobs).cut(site)


class _Reckoner:
    def __init__(self, quarter: int, told: Told, jobs: Jobs) -> None:
        self._quarter, self._start = quarter, quarter * QUARTER_MS
        self._payers, self._crowded = jobs.payers, jobs.crowded
        gpus = Gpus(told.places, jobs.seats)
        self._claims = claims(jobs.uses, gpus)
        known = pieces(told.minutes)
        named = {gpus.number(uuid): rows for uuid, rows in jobs.counters.items() if uuid in _named(gpus)}
        self._counted = np.array(sorted(named), dtype=np.int32)
        if named:
            known = known.joined(by_counters(named))
        self._count = len(gpus.names)
        self._meterage = Meterage(known, self._start, self._start + QUARTER_MS)

    def cut(self, site: SiteInterval) -> Reckoned:
        every = np.arange(self._count, dtype=np.int32)
        edges = np.full(self._count, self._start), np.full(self._count, self._start + QUARTER_MS)
        all_j, all_ms = self._meterage.between(every, *edges)
        mine = self._claims
        joules, told_ms = self._meterage.between(mine.gpu, mine.start_ms, mine.end_ms)
        length = (mine.end_ms - mine.start_ms).astype(np.float64)
        account_j = self._sums(mine, joules * mine.weight)
        lines = self._lines(mine, told_ms * mine.weight, length * mine.weight)
        idle_j = max(0.0, float(all_j.sum() - account_j.sum()))
        untold_ms = self._count * QUARTER_MS - float(all_ms.sum())
        mean_w = all_j.sum() / all_ms.sum() if all_ms.any() else 0.0
        energy = GpuEnergy(
            [round(account_j[who] * _MWH_PER_J) for who in lines],
            round(idle_j * _MWH_PER_J),
            round(mean_w * max(0.0, untold_ms) * _MWH_PER_J),
        )
        expected = self._count * QUARTER_MS
        told = round(float(all_ms.sum()))
        return Reckoned(self._quarter, list(lines.values()), cut(site, energy), told, expected)

    def _lines(self, mine: Claims, told_ms: Floats, expected_ms: Floats) -> dict[int, Line]:
        """By the place of the payer."""
        told, expected = self._sums(mine, told_ms), self._sums(mine, expected_ms)
        flags = np.zeros(len(self._payers), dtype=np.int64)
        np.bitwise_or.at(flags, mine.who, mine.flags.astype(np.int64))
        counted = np.isin(mine.gpu, self._counted)
        np.bitwise_or.at(flags, mine.who[counted], int(Flag.BY_COUNTER))
        np.bitwise_or.at(flags, mine.who[told_ms <= 0], int(Flag.UNKNOWN_GPU))
        flags[sorted(self._crowded)] |= int(Flag.CROWDED)
        present: Ints = np.unique(mine.who)
        return {
            who: Line(self._payers[who], round(told[who]), round(expected[who]), Flag(int(flags[who])))
            for who in present.tolist()
        }

    def _sums(self, mine: Claims, amounts: Floats) -> Floats:
        return np.bincount(mine.who, amounts, minlength=len(self._payers)).astype(np.float64)


def _named(gpus: Gpus) -> Mapping[str, None]:
    """What jobs name and no reading tells."""
    return dict.fromkeys(gpus.names[gpus.told :])
