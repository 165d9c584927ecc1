"""CPU per point of line protocol, and of what gzip takes: ``python -m benchmarks.line_protocol``."""

from __future__ import annotations

import gzip
import sys
from time import process_time_ns

import numpy as np

from telemetry.catalogue import GPU
from telemetry.frame import Frame
from telemetry.influx.line import LineFormat
from telemetry.series import SeriesRegistry

SERIES, ROUNDS = 10_000, 10


def main() -> None:
    """Print microseconds per five-field point, and bytes."""
    registry = SeriesRegistry()
    ids = [registry.id(GPU, ("gdansk", "a", f"r{n // 64}", f"n{n // 8}", str(n % 8))) for n in range(SERIES)]
    rng = np.random.default_rng(1)
    columns = {name: np.round(rng.uniform(0, 700, SERIES), 1) for name in GPU.field_names}
    form = LineFormat(registry)
    best = packing = float("inf")
    for second in range(ROUNDS):
        at = np.full(SERIES, 1_764_000_000_000 + 1_000 * second, dtype=np.int64)
        start = process_time_ns()
        body = "\n".join(form.lines(Frame(GPU, np.array(ids, dtype=np.int32), at, columns))).encode()
        formatted = process_time_ns()
        packed = gzip.compress(body, 1)
        best = min(best, (formatted - start) / SERIES / 1_000)
        packing = min(packing, (process_time_ns() - formatted) / SERIES / 1_000)
    sys.stdout.write(
        f"{best:.2f} µs to format, {packing:.2f} µs to pack,"
        f" {len(body) / SERIES:.0f} bytes, {len(packed) / SERIES:.0f} packed\n"
    )


if __name__ == "__main__":
    main()
