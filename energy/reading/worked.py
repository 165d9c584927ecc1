"""What is summed of an account, worked out when somebody first asks, and kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from energy.sums.columns import Columns, columns
from energy.sums.gridmix import GridMix
from energy.sums.splice import Account, since


class Worked:
    """The sums of one ``account``, which does not change: without the mix of the grid, and with the last."""

    def __init__(self, account: Account, without_mix: Columns | None = None) -> None:
        self._account, self._without_mix = account, without_mix
        self._mixed: tuple[GridMix, Columns] | None = None

    def without_mix(self) -> Columns:
        """What is summed when nothing is asked that needs the mix of the grid."""
        if self._without_mix is None:
            self._without_mix = columns(*self._account, _unknown(self._account))
        return self._without_mix

    def with_mix(self, mix: GridMix) -> Columns:
        """What is summed with ``mix``; the last one is kept."""
        if self._mixed is None or self._mixed[0] is not mix:
            self._mixed = mix, columns(*self._account, mix)
        return self._mixed[1]

    def followed(self, account: Account, start: int) -> Worked:
        """That of an ``account`` that differs from index ``start`` on; what was summed before it is taken."""
        before = self._without_mix
        if before is None:
            return Worked(account)
        part = since(account, start)
        later = columns(*part, _unknown(part))
        if before.names != later.names:
            return Worked(account)
        names = [field.name for field in fields(Columns)]
        joined = {n: _on(getattr(before, n), getattr(later, n), start) for n in names}
        return Worked(account, replace(later, **joined))


def _unknown(account: Account) -> GridMix:
    return GridMix.unknown(len(account[0].load))


def _on(before: Any, later: Any, start: int) -> Any:
    """The quarters of ``before`` up to index ``start`` and then ``later`` ones; what has none is as it is."""
    if isinstance(later, Mapping):
        return {name: _on(before[name], column, start) for name, column in later.items()}
    if isinstance(later, np.ndarray):
        return np.concatenate((before[..., :start], later), axis=-1)
    return later
