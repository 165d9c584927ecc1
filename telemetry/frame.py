"""A batch of one measurement, in columns: the unit in which telemetry moves through the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from telemetry.catalogue import Measurement

Ints = npt.NDArray[np.int32]
Millis = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Frame:
    """``n`` rows of ``measurement``; a row is one device at one time.

    Attributes:
        series: int32[n], ids given by :class:`telemetry.series.SeriesRegistry`.
        at_ms: int64[n], UTC milliseconds since 1970.
        columns: float64[n] per field, in the catalogue's units; NaN means missing. A field that no row
            carries may be absent.
        texts: a document per row, of a measurement whose rows hold words; else empty.
    """

    measurement: Measurement
    series: Ints
    at_ms: Millis
    columns: Mapping[str, Floats]
    texts: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    def cut(self, first: int, until: int) -> Frame:
        """Rows ``first`` to ``until``, not copied."""
        return Frame(
            self.measurement,
            self.series[first:until],
            self.at_ms[first:until],
            {name: column[first:until] for name, column in self.columns.items()},
        )

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Frame:
        """The rows that the mask or index array ``rows`` selects."""
        return Frame(
            self.measurement,
            self.series[rows],
            self.at_ms[rows],
            {name: column[rows] for name, column in self.columns.items()},
        )
