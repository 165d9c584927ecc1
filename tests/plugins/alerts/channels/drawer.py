"""Puts the subject of every message into a file."""

from __future__ import annotations

from pathlib import Path

from alerts.message import CHANNELS, AlertMessage
from runtime.options import Options


class DrawerOptions(Options):
    """``folder`` must exist."""

    folder: Path


@CHANNELS.add("drawer", DrawerOptions)
class Drawer:
    """Implements :class:`alerts.message.Channel`."""

    def __init__(self, options: DrawerOptions) -> None:
        self._folder = options.folder

    async def send(self, message: AlertMessage) -> None:
        (self._folder / "message.txt").write_text(message.subject, encoding="utf-8")

    async def close(self) -> None:
        pass
