"""Fuzz every decoder by coverage for as long as it is let: ``python -m benchmarks.fuzz_decoder``.

Needs ``pip install atheris``, no dependency of the service: best in a virtual environment of its own.
Arguments go to libFuzzer, such as ``-max_total_time=600``. It starts from the payloads of ``tests/cases``. An
input that raises anything, or whose messages do not add up with their account, is a bug: it is written to
``crash-*``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from runtime.clock import ManualClock, from_ms

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["collectors", "telemetry"]):
    import collectors.decoders
    from collectors.connect import open_decoder
    from collectors.decoder import DECODERS, Decoder
    from collectors.source import Message
    from telemetry.batch import Batch
    from telemetry.catalogue import MEASUREMENTS
    from telemetry.intake_account import IntakeAccount, Judged
    from telemetry.quality import Quality
    from telemetry.series import SeriesRegistry

_ARRIVED = 1_764_000_000_000
_NODE = "dc/v1/s/a/r1/n1/gpu"
_DEVICES = [f"dc/v1/s/{name}/d1" for name in MEASUREMENTS if name not in ("gpu", "grid")]
_TOPICS = (_NODE, "dc/v1/grid/PL", f"{_NODE}/status", f"{_DEVICES[0]}/status", *_DEVICES)

_BETWEEN = b"\xc1\xc1"
"""Stands between two messages: a byte that neither MessagePack nor UTF-8 has a use for."""

_CASES = Path(__file__).parents[1] / "tests" / "cases"


def decoders() -> list[str]:
    """The names of all decoders."""
    DECODERS.load(collectors.decoders)
    return sorted(DECODERS)


NAMES = decoders()


def messages(data: bytes) -> list[Message]:
    """What ``data`` stands for: of each part the first byte chooses the topic, the second retain and dup."""
    found = []
    for part in data.split(_BETWEEN):
        head = part[:2].ljust(2, b"\0")
        topic = _TOPICS[head[0] % len(_TOPICS)]
        found.append(Message(topic, part[2:], retain=bool(head[1] & 1), dup=bool(head[1] & 2)))
    return found


def fuzz(data: bytes) -> None:
    """Decode ``data``, whose first byte chooses the decoder, and go on with it as the ingest does."""
    name, told = NAMES[(data[:1] or b"\0")[0] % len(NAMES)], messages(data[1:])
    registry = SeriesRegistry(limit=200)
    decoder: Decoder = open_decoder(name, registry)
    batch = Batch()
    decoder.decode(told, batch, _ARRIVED)
    statuses = sum(m.topic.endswith("/status") for m in told)
    used, refused = len(batch.told), sum(batch.rejected.values())
    if batch.received != len(told) or not used <= batch.received - refused <= used + statuses:
        raise AssertionError(f"{len(told)} sent, {batch.received} received, {used} used, {refused} refused")
    counted(batch, registry)


def counted(batch: Batch, registry: SeriesRegistry) -> None:
    """Judge and count ``batch`` like the ingest: the account by source adds up to what the batch says."""
    quality = Quality(registry, wall=ManualClock(from_ms(_ARRIVED)))
    checked = [quality.check(frame) for frame in batch.frames()]
    frames = [one.frame for one in checked if len(one.frame)]
    late = [np.zeros(len(frame), dtype=np.bool_) for frame in frames]
    account = IntakeAccount(registry, quality)
    summed = account.frame(batch, Judged(checked, frames, late, np.zeros(0, dtype=np.int32)))
    for name, expected in (("received", batch.received), ("missed", batch.missed)):
        column = None if summed is None else summed.columns.get(name)
        told = 0 if column is None else int(column.sum())
        if told != expected:
            raise AssertionError(f"{name}: {expected} in the batch, {told} in the account")
    account.heard(batch)


def sow(folder: Path) -> None:
    """Write the cases of all decoders as inputs to start from, each alone and twice."""
    for file in _CASES.rglob("topic"):
        topic = file.read_text().strip()
        payload = next(file.parent.glob("input.*")).read_bytes()
        part = bytes([next((n for n, one in enumerate(_TOPICS) if _alike(one, topic)), 0), 0]) + payload
        name = file.parents[1].name
        decoder = bytes([NAMES.index(name)])
        (folder / f"{name}-{file.parent.name}").write_bytes(decoder + part)
        (folder / f"{name}-{file.parent.name}-twice").write_bytes(decoder + part + _BETWEEN + part)


def _alike(one: str, other: str) -> bool:
    """Whether two topics differ in names only."""
    mine, theirs = one.split("/"), other.split("/")
    return len(mine) == len(theirs) and (mine[3:4] == theirs[3:4] or mine[-1] == theirs[-1] == "gpu")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as corpus:
        sow(Path(corpus))
        atheris.Setup([*sys.argv, corpus], fuzz)
        atheris.Fuzz()
