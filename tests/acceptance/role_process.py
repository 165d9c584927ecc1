"""The processes of one service that share its configuration file: ingest, web and jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from tests.acceptance.service_process import ROOT, ServiceProcess, command, environment


class RoleProcess(ServiceProcess):
    """One process of ``service``, whose configuration it shares; ``arguments`` are those of ``run``.

    ``folder`` is its own below the data directory; ``variables`` are set in its environment.
    """

    def __init__(
        self,
        service: ServiceProcess,
        folder: str,
        arguments: tuple[str, ...],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.config, self.port = service.config, service.port
        self.data_dir = service.data_dir / folder
        self.log = service.config.with_name(f"{folder}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self._arguments, self._variables = arguments, dict(variables or {})

    @property
    def url(self) -> str:  # type: ignore[override]
        """Where it answers; nowhere while it does not."""
        plate = self.data_dir / "address"
        return plate.read_text().strip() if plate.exists() else "http://127.0.0.1:9"

    def launch(self) -> None:
        """Start a process and do not wait."""
        assert self.process is None, "it runs already"
        plate = self.data_dir / "address"
        plate.unlink(missing_ok=True)  # one that was killed leaves it
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command("run", "--config", str(self.config), *self._arguments),
                cwd=ROOT,
                env=environment() | self._variables,
                stdout=out,
                stderr=out,
            )
