"""Programs that bring the same messages into a store, each as a process: ours, and some to compare with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

from benchmarks.rig import SITE, configuration
from tests.acceptance.service_process import ROOT, ServiceProcess
from tests.servers.process import Server

DATABASE = "peers"
_TELEGRAF = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{broker}"]
  topics = ["dc/v1/+/+/+/+/gpu"]
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  topic_tag = ""
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "+/+/+/+/+/+/+"
    tags = "_/_/site/hall/rack/node/_"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "gpu"
    timestamp_path = "ts"
    timestamp_format = "unix_ms"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "gpus"
      tags = ["i"]
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:{influx}"]
  database = "peers"
"""


@dataclass(frozen=True)
class Place:
    """Where a peer runs: a folder of its own, and the servers beside it."""

    folder: Path
    broker: Server
    influx: Server

    def ask(self, sql: str) -> Any:
        """The first value of InfluxDB's answer to ``sql``; 0 when it has none."""
        url = f"http://127.0.0.1:{self.influx.port}/query"
        answer = httpx.post(url, params={"db": DATABASE, "q": sql}, timeout=60).raise_for_status().json()
        series = answer["results"][0].get("series")
        return series[0]["values"][0][1] if series else 0


class Peer(ABC):
    """One program; ``log`` is its output."""

    name: str

    def __init__(self, place: Place) -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._used_s = 0.0

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to start."""

    def start(self) -> None:
        """Start it, or start it again."""
        with (self.place.folder / "peer.log").open("ab") as out:
            self._process = subprocess.Popen(self.command(), cwd=ROOT, stdout=out, stderr=out)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None:
            self._used_s = self.cpu_s()
            self._process.kill()
            self._process.wait()
            self._process = None

    def rows(self) -> int:
        """Rows of the load test's site in its store."""
        return int(self.place.ask(f"SELECT count(power_w) FROM gpu WHERE site = '{SITE}'"))

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used."""
        if self._process is None:
            return self._used_s
        times = psutil.Process(self._process.pid).cpu_times()
        return self._used_s + float(times.user + times.system)


class Plain(Peer):
    """:mod:`benchmarks.plain`."""

    name = "aiomqtt + influxdb-client Point"

    def command(self) -> Sequence[str]:
        ports = str(self.place.broker.port), str(self.place.influx.port)
        return [sys.executable, "-m", "benchmarks.plain", *ports]


class Telegraf(Peer):
    """The ``telegraf`` that is on the PATH, with the settings under which it acknowledges after the write."""

    name = "Telegraf"

    def command(self) -> Sequence[str]:
        config = self.place.folder / "telegraf.conf"
        ports = {"broker": self.place.broker.port, "influx": self.place.influx.port}
        config.write_text(_TELEGRAF.format(**ports), encoding="utf-8")
        return ["telegraf", "--config", str(config)]


class Amberwatt(Peer):
    """``service.py run`` with InfluxDB as its store."""

    name = "Amberwatt, InfluxDB"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        tables = {**configuration(place.broker.port), "store": [self.store()]}
        self.service = ServiceProcess(place.folder, tables)

    def command(self) -> Sequence[str]:
        return [sys.executable, str(ROOT / "service.py"), "run", "--config", str(self.service.config)]

    def store(self) -> dict[str, Any]:
        """Its ``[[store]]`` table."""
        return {"type": "influx", "url": f"http://127.0.0.1:{self.place.influx.port}", "database": DATABASE}


class AmberwattDuckDB(Amberwatt):
    """``service.py run`` with its own store; it counts itself, exactly once."""

    name = "Amberwatt, DuckDB"

    def store(self) -> dict[str, Any]:
        return {"type": "duckdb"}

    def rows(self) -> int:
        url = f"{self.service.url}/api/v1/ingest"
        try:
            return int(httpx.get(url, timeout=60).raise_for_status().json()["stored_rows"])
        except httpx.HTTPError:
            return 0


def peers() -> list[type[Peer]]:
    """Those that can be had on this machine."""
    found: list[type[Peer]] = [Plain, Amberwatt, AmberwattDuckDB]
    if shutil.which("telegraf"):
        found.insert(1, Telegraf)
    return found
