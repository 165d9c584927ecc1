"""Fuzz the native decoder by coverage for as long as it is let: ``python -m benchmarks.fuzz_decoder``.

Needs ``pip install atheris``, which is no dependency of the service. Arguments go to libFuzzer, such as
``-max_total_time=600``. An input that raises anything is a bug: it is written to ``crash-*``.
"""

from __future__ import annotations

import sys

from telemetry.batch import Batch
from telemetry.series import SeriesRegistry

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports():
    from collectors.decoders.native import NativeDecoder
    from collectors.source import Message

_TOPICS = ("dc/v1/s/a/r1/n1/gpu", "dc/v1/s/meter/m1", "dc/v1/grid/PL", "dc/v1/s/meter/m1/status")


def fuzz(data: bytes) -> None:
    """Decode ``data``, whose first byte chooses the topic: it is used or refused, and nothing is raised."""
    topic, payload = _TOPICS[(data[:1] or b"\0")[0] % len(_TOPICS)], data[1:]
    batch = Batch()
    NativeDecoder(SeriesRegistry()).decode([Message(topic, payload)], batch, 1_764_000_000_000)
    used = len(batch.told) + len(batch.statuses)
    if used + sum(batch.rejected.values()) != batch.received:
        raise AssertionError(f"{batch.received} received, {used} used, {batch.rejected} refused")


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
