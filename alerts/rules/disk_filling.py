"""A disk that the journal or a store lies on fills up: when it is full, nothing more is taken in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import ByteSize, Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import size
from runtime.options import Options
from telemetry.disk import DiskRoom

_CLEAR = 1.25
"""Times the limit that must be free again."""


class DiskFillingOptions(Options):
    """On below ``free`` bytes, or this ``share`` of a small disk; critical below a part of that."""

    free: ByteSize = Field(default=ByteSize(10_000_000_000), ge=0)
    share: float = Field(default=0.05, ge=0, le=1)
    critical: float = Field(default=0.25, ge=0, le=1)


@RULES.add("disk_filling", DiskFillingOptions)
class DiskFilling:
    """One condition for each file system that telemetry lies on; its severity rises as it fills."""

    cadence = Cadence.LIVE

    def __init__(self, options: DiskFillingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """How much is free; always known of a disk that is there."""
        return [self._disk(room) for room in (await read.ingest.status()).disks]

    def _disk(self, room: DiskRoom) -> Verdict:
        options = self._options
        limit = min(float(options.free), options.share * room.total)
        takes = ", ".join(f"{part.what} {size(part.bytes)}" for part in room.parts if part.bytes)
        critical = room.free < options.critical * limit
        return Verdict(
            key=f"disk/{room.path}",
            rule="disk_filling",
            site=None,
            severity=Severity.CRITICAL if critical else Severity.HIGH,
            active=room.free < limit,
            clears=room.free >= _CLEAR * limit,
            title="The disk is filling up",
            summary=f"{size(room.free)} of {size(room.total)} are free at {room.path}"
            + (f"; of it take: {takes}." if takes else "."),
            value=float(room.free),
            limit=limit,
            unit="B",
            link="/system",
            evidence={"free": room.free, "total": room.total, **{p.what: p.bytes for p in room.parts}},
            advice="Free space on that disk, enlarge it, or lower [retention]; see on the System page what "
            "takes most. Once it is full no message is acknowledged, and the broker has to hold them.",
        )
