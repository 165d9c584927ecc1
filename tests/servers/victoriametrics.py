"""Debian's VictoriaMetrics."""

from __future__ import annotations

from pathlib import Path

from tests.servers.process import Server, binary, free_port


def victoriametrics(folder: Path, *flags: str) -> Server:
    """A victoria-metrics on loopback that keeps everything in ``folder``, for 100 years."""
    port = free_port()
    command = [
        binary("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={folder}/vm",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        *flags,
    ]
    return Server(command, port, folder / "victoriametrics.log")
