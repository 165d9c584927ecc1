"""Double-entry: what publishers sent and the broker acknowledged, against the rows that a store holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from simulator.load_account import LoadAccount
from simulator.noise import Ints

StoredRow = tuple[str, int, int]
"""Topic of the node, number of the GPU, time in ms: one for each row in a store, doubles included."""

_SPAN = 1 << 40
"""More milliseconds than any test lasts: node and time in one number."""


@dataclass(frozen=True)
class Count:
    """Messages of one publisher, or of all.

    ``missing`` were sent and are not stored, of which ``lost`` had been acknowledged; ``duplicated`` rows
    stand in the store more than once.
    """

    sent: int
    acknowledged: int
    stored: int
    duplicated: int
    missing: int
    lost: int


class Ledger:
    """What became of each message: ``missing`` and so on are flags by the message's number."""

    def __init__(self, account: LoadAccount, gpus: int, rows: Iterable[StoredRow]) -> None:
        self._account = account
        self._numbers: Ints = np.arange(account.sent, dtype=np.int64)
        times = self._times(rows, gpus)
        self.duplicated = (np.maximum(times - 1, 0)).sum(axis=1)
        self.missing = times.min(axis=1, initial=1) == 0
        torn = self.missing & (times.max(axis=1, initial=0) > 0)
        assert not torn.any(), f"messages stored in part: {self._numbers[torn][:5]}"

    @property
    def total(self) -> Count:
        """Over all publishers."""
        return self._count(np.ones(len(self._numbers), dtype=np.bool_))

    @property
    def publishers(self) -> dict[str, Count]:
        """Of each publisher, by its topic."""
        of = self._numbers % self._account.nodes
        return {self._account.topic(n): self._count(of == n) for n in range(self._account.nodes)}

    def gaps(self) -> dict[str, list[int]]:
        """The ``seq`` of every missing message, by topic."""
        found: dict[str, list[int]] = {}
        for number in self._numbers[self.missing].tolist():
            found.setdefault(self._account.topic(number), []).append(int(self._account.seq(np.array(number))))
        return found

    def _count(self, mine: np.ndarray) -> Count:
        missing, acknowledged = self.missing & mine, self._account.acknowledged & mine
        return Count(
            sent=int(mine.sum()),
            acknowledged=int(acknowledged.sum()),
            stored=int((mine & ~self.missing).sum()),
            duplicated=int(self.duplicated[mine].sum()),
            missing=int(missing.sum()),
            lost=int((missing & acknowledged).sum()),
        )

    def _times(self, rows: Iterable[StoredRow], gpus: int) -> Ints:
        """int64[message, gpu], how often each row is stored. Fails on a row that nobody sent."""
        account = self._account
        nodes = {account.topic(n): n for n in range(account.nodes)}
        found = np.array([(nodes[topic], gpu, at) for topic, gpu, at in rows], dtype=np.int64).reshape(-1, 3)
        sent = (self._numbers % account.nodes) * _SPAN + account.at_ms(self._numbers)
        order = np.argsort(sent)
        stored = found[:, 0] * _SPAN + found[:, 2]
        place = np.minimum(np.searchsorted(sent, stored, sorter=order), len(sent) - 1)
        number = order[place]
        strange = sent[number] != stored
        assert not strange.any(), f"{strange.sum()} rows that nobody sent, such as {found[strange][0]}"
        times = np.zeros((len(sent), gpus), dtype=np.int64)
        np.add.at(times, (number, found[:, 1]), 1)
        return times
