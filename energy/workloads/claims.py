"""Whose each GPU was, from when to when: spans of jobs as stretches of single GPUs, shared ones divided."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from energy.workloads.flag import Flag
from telemetry.frame import Floats, Ints, Mask, Millis
from telemetry.job import is_gpu, is_node

Seats = Mapping[str, Sequence[tuple[int, str]]]
"""UUID -> (since in ms, hall/rack/node/number), in time order."""


@dataclass(frozen=True)
class Use:
    """The account ``who`` (a number) had ``members`` for ``start_ms <= t < end_ms``, or ``share`` of them."""

    who: int
    start_ms: int
    end_ms: int
    members: tuple[str, ...]
    share: float | None = None


class Gpus:
    """The GPUs of a site by number: those that tell energy under their places, others under their names."""

    def __init__(self, places: Sequence[str], seats: Seats | None = None) -> None:
        self.names = list(places)
        self.told = len(self.names)
        """The first so many tell readings; those beyond are only named by jobs."""
        self._number = {name: number for number, name in enumerate(self.names)}
        self._seats = seats or {}
        nodes: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(self.names):
            nodes[name.rsplit("/", 1)[0]].append(number)
        self._nodes = nodes

    def number(self, name: str) -> int:
        """The number of a GPU, a new one if it is not known."""
        found = self._number.get(name)
        if found is None:
            found = self._number[name] = len(self.names)
            self.names.append(name)
        return found

    def stretches(self, use: Use, member: str) -> Iterator[tuple[Sequence[int], int, int]]:
        """Which GPUs ``member`` was, from when to when; one that was moved is several."""
        if is_node(member):
            yield self._nodes.get(member) or [self.number(member)], use.start_ms, use.end_ms
        elif is_gpu(member) or member not in self._seats:
            yield [self.number(member)], use.start_ms, use.end_ms
        else:
            yield from self._seated(use, member)

    def _seated(self, use: Use, uuid: str) -> Iterator[tuple[Sequence[int], int, int]]:
        places = [(0, uuid), *self._seats[uuid]]
        ends = [since for since, _ in places[1:]] + [use.end_ms]
        for (since, place), until in zip(places, ends, strict=True):
            start, end = max(since, use.start_ms), min(until, use.end_ms)
            if start < end:
                here = self._number.get(place, self.told)
                yield [here if here < self.told else self.number(uuid)], start, end


@dataclass(frozen=True)
class Claims:
    """Stretches of GPUs: ``weight`` (0..1) of each belongs to the account ``who``; ``flags`` as bits."""

    gpu: Ints
    start_ms: Millis
    end_ms: Millis
    who: Ints
    weight: Floats
    flags: Ints

    def where(self, rows: Mask) -> Claims:
        """Those that ``rows`` selects."""
        return Claims(*(getattr(self, one.name)[rows] for one in fields(self)))

    def joined(self, other: Claims) -> Claims:
        """Both, one after the other."""
        pairs = ((getattr(self, one.name), getattr(other, one.name)) for one in fields(self))
        return Claims(*(np.concatenate(pair) for pair in pairs))


_Stretch = tuple[int, int, int, int, float, int]
"""GPU, start and end in ms, account, weight (NaN is no promise), flags."""


def claims(uses: Sequence[Use], gpus: Gpus) -> Claims:
    """The stretches of all ``uses``. Where several want one GPU, each has the share that it was promised.

    Those that were promised none divide what is left equally, or the whole if nothing was promised; promises
    of more than the whole are scaled down. What a promise leaves over belongs to nobody.
    """
    found: list[_Stretch] = []
    for use in uses:
        share = math.nan if use.share is None else use.share
        for member in use.members:
            for numbers, start, end in gpus.stretches(use, member):
                found += [(gpu, start, end, use.who, share, 0) for gpu in numbers]
    found.sort()
    every = _columns(found)
    met = _met(every)
    alone = every.where(~met)
    sole = replace(alone, weight=np.where(np.isnan(alone.weight), 1.0, alone.weight))
    return sole.joined(_columns(_shared(found, met))) if met.any() else sole


def _columns(found: Sequence[_Stretch]) -> Claims:
    gpu, start, end, who, weight, flags = list(zip(*found, strict=True)) or [()] * 6
    return Claims(
        np.array(gpu, dtype=np.int32),
        np.array(start, dtype=np.int64),
        np.array(end, dtype=np.int64),
        np.array(who, dtype=np.int32),
        np.array(weight, dtype=np.float64),
        np.array(flags, dtype=np.int32),
    )


def _met(every: Claims) -> Mask:
    """Which stretches, sorted by GPU and start, are of a GPU on which any two overlap."""
    gpu, start, end = every.gpu.astype(np.int64), every.start_ms, every.end_ms
    if not len(gpu):
        return np.zeros(0, dtype=np.bool_)
    line = gpu * (int(end.max()) - int(start.min()) + 1)  # the times of all GPUs one after the other
    latest = np.maximum.accumulate(line + end)
    overlaps = (gpu[1:] == gpu[:-1]) & (line[1:] + start[1:] < latest[:-1])
    found: Mask = np.isin(gpu, gpu[1:][overlaps])
    return found


def _shared(found: Sequence[_Stretch], met: Mask) -> list[_Stretch]:
    by_gpu: dict[int, list[_Stretch]] = defaultdict(list)
    for place in np.flatnonzero(met).tolist():
        by_gpu[found[place][0]].append(found[place])
    divided = []
    for gpu, mine in by_gpu.items():
        edges = sorted({edge for _, start, end, *_ in mine for edge in (start, end)})
        for start, end in pairwise(edges):
            here = [(one[3], one[4]) for one in mine if one[1] <= start and end <= one[2]]
            divided += [(gpu, start, end, *part) for part in _divided(here)]
    return divided


def _divided(wanted: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float, int]]:
    """Account, weight and flags of everybody who wants one GPU at one time."""
    promised = sum(share for _, share in wanted if share == share)
    open_handed = sum(share != share for _, share in wanted)
    flags = int(Flag.SHARED) if len({who for who, _ in wanted}) > 1 else 0
    scale = 1.0
    if promised > 1 or (open_handed and promised >= 1):
        flags |= int(Flag.OVERSOLD)
        # Whoever was promised nothing ran all the same: as if of a whole divided among all of them.
        scale = (len(wanted) - open_handed) / len(wanted) / promised if open_handed else 1 / promised
    left = max(0.0, 1 - promised * scale)
    for who, share in wanted:
        yield who, share * scale if share == share else left / open_handed, flags
