"""The ``[energy]`` table: how long figures may still be corrected as a matter of course, and the key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from runtime.options import Duration, Options

CORRECTION_WINDOW = timedelta(days=7)
"""What a change is not called a restatement within: time to read a meter that was away by hand."""

KEY_FILE = "ledger.key"
"""The key, in the data directory."""


class EnergyOptions(Options):
    """``correction_window``: so long after its end an interval is provisional; a later change restates it.

    ``key_file`` holds the key by which locks and restatements are signed; without it ``ledger.key`` in the
    data directory is made and used. Processes on several machines must share one.
    """

    correction_window: Duration = Field(default=CORRECTION_WINDOW, ge=timedelta(0), le=timedelta(days=366))
    key_file: Path | None = None
