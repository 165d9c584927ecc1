"""The account of a load test: which messages were sent and which the broker acknowledged, one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.frames import FIRST_SEQ, node_topic
from simulator.noise import Ints

Flags = npt.NDArray[np.bool_]


class LoadAccount:
    """Messages by number, 0 to ``sent`` - 1; node, time and counter of each follow from its number.

    Message ``number`` is of node ``number % nodes``, whose ``number // nodes``-th it is, and bears the time
    ``first_ms + int(number * step_ms)``. A message that was sent again after a lost connection counts once.
    """

    def __init__(self, site: str, nodes: int, step_ms: float, total: int) -> None:
        self.site, self.nodes, self.step_ms = site, nodes, step_ms
        self.first_ms = 0
        self.sent = 0
        self._acknowledged: Flags = np.zeros(total, dtype=np.bool_)

    @property
    def acknowledged(self) -> Flags:
        """bool[sent], which messages have their PUBACK."""
        return self._acknowledged[: self.sent]

    def take(self, numbers: Ints) -> None:
        """The broker acknowledged these."""
        self._acknowledged[numbers] = True

    def at_ms(self, numbers: Ints) -> Ints:
        """The ``ts`` of these messages."""
        return self.first_ms + (numbers * self.step_ms).astype(np.int64)

    def seq(self, numbers: Ints) -> Ints:
        """The ``seq`` of these messages."""
        return FIRST_SEQ + numbers // self.nodes

    def topic(self, number: int) -> str:
        """Where message ``number`` went."""
        return node_topic(self.site, number % self.nodes)
