"""Debian's prometheus-alertmanager."""

from __future__ import annotations

from pathlib import Path

from tests.servers.process import Server, binary, free_port


def alertmanager(folder: Path) -> Server:
    """One on loopback that forwards nothing and forgets an alert that it has not heard of for 5 minutes."""
    port = free_port()
    config = folder / f"alertmanager-{port}.yml"
    config.write_text("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")
    command = [
        binary("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / f'alertmanager-{port}'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    return Server(command, port, folder / f"alertmanager-{port}.log")
