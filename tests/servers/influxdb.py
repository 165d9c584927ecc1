"""Debian's InfluxDB 1.6.7."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.servers.process import Server, binary, free_port


def influxdb(folder: Path, *lines: str) -> Server:
    """An influxd on loopback that keeps everything in ``folder``; ``lines`` go into its ``[http]`` table."""
    port = free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        "\n".join(
            [
                "reporting-disabled = true",
                f'bind-address = "127.0.0.1:{free_port()}"',
                f'[meta]\n dir = "{folder}/meta"',
                f'[data]\n dir = "{folder}/data"\n wal-dir = "{folder}/wal"\n index-version = "tsi1"',
                "[monitor]\n store-enabled = false",
                f'[http]\n bind-address = "127.0.0.1:{port}"\n log-enabled = false',
                *lines,
            ]
        )
        + "\n"
    )
    command = [binary("influxd", "influxdb"), "-config", str(config)]
    return Server(command, port, folder / "influxdb.log")


@cache
def shared_influxdb() -> Server:
    """One influxd for the whole test run, for tests that use a database of their own."""
    folder = Path(tempfile.mkdtemp(prefix="influxdb-"))
    server = influxdb(folder)
    server.start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    return server
