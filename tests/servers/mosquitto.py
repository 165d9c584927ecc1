"""Debian's mosquitto."""

from __future__ import annotations

from getpass import getuser
from pathlib import Path

from tests.servers.process import Server, binary, free_port


def mosquitto(folder: Path, *lines: str, port: int | None = None) -> Server:
    """A broker on loopback with anonymous access unless ``lines`` (of mosquitto.conf) say otherwise."""
    port = port or free_port()
    defaults = [
        f"listener {port} 127.0.0.1",
        "max_inflight_messages 20000",
        "max_queued_messages 1000000",
        "persistence false",
        "set_tcp_nodelay true",
        # Started as root it would become a user who may not read the test's files; otherwise this is ignored.
        f"user {getuser()}",
    ]
    if not any(line.startswith("allow_anonymous") for line in lines):
        defaults.append("allow_anonymous true")
    config = folder / f"mosquitto-{port}.conf"
    config.write_text("\n".join([*defaults, *lines]) + "\n")
    log = folder / f"mosquitto-{port}.log"
    return Server([binary("mosquitto", "mosquitto"), "-c", str(config)], port, log)
