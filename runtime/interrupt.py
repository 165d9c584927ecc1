"""Ctrl-C while the command line is still being imported: ends it at once, without a page of traceback.

Importing this module first has that effect in a process whose program is the command line, until
:func:`heed` is called; importing it elsewhere changes nothing.
"""

from __future__ import annotations

import signal
import sys
from pathlib import PurePath

PROGRAMS = frozenset({"service.py", "amberwatt"})
"""What the command line is started as: from a checkout, and installed."""


def heed() -> None:
    """Make Ctrl-C a KeyboardInterrupt again: from now on there may be something to close."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Who started us in the background may have told us to ignore it; that stays.
if PurePath(sys.argv[0]).name in PROGRAMS and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
