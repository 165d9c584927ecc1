"""The command line of the service with every guest of this folder; ``try FILE`` shows each of them at work.

Run as a process of its own, because plugins are found when their room is first used.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDERS = sorted({file.parent.relative_to(HERE) for file in HERE.rglob("*/*.py")})
"""Every folder in which a plugin may stand."""


def invite() -> None:
    """Let the files of this folder be found beside those of the house."""
    for folder in FOLDERS:
        importlib.import_module(".".join(folder.parts)).__path__.append(str(HERE / folder))


async def at_work(file: Path) -> dict[str, Any]:
    """What ``file``, which names every guest, makes of one message; each key is what one plugin did."""
    import httpx

    import service
    from runtime import log
    from settings import read
    from tests.eventually import eventually

    log.configure("warning")
    told: dict[str, Any] = {}
    stop = asyncio.Event()
    async with service.build(read(file)) as built:
        running = asyncio.create_task(built.run(stop))
        await built.started.wait()
        token = await built.users.token_create("viewer", "guests")
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=built.server.url, headers=headers) as api:

            async def stored() -> bool:
                asked = {"measurement": "meter", "field": "power_w", "from": "now-1h"}
                told["series"] = (await api.get("/api/v1/series", params=asked)).json()["series"]
                return bool(told["series"])

            await eventually(stored)
            told["ingest"] = (await api.get("/api/v1/ingest")).json()
            await built.watch.evaluate(built.clock.now())
            message = file.parent / "message.txt"

            async def delivered() -> bool:
                return message.exists()

            await eventually(delivered)
            told["message"] = message.read_text(encoding="utf-8")
            told["alerts"] = [one["rule"] for one in (await api.get("/api/v1/alerts")).json()["alerts"]]
            asked = {"site": "gdansk", "from": "now-1h", "to": "now"}
            told["kpi"] = (await api.get("/api/v1/kpi", params=asked)).json()["rows"][0]
            told["reports"] = (await api.get("/reports")).status_code
        stop.set()
        await running
    from energy.certificates.registry import registries
    from reports.report import CONTENT_TYPES, FORMATS

    told["registries"] = sorted(registries([]))
    told["formats"], told["content_type"] = FORMATS, CONTENT_TYPES["txt"]
    return told


def main() -> None:
    """``try FILE``, or whatever the service's own command line takes."""
    invite()
    if sys.argv[1] == "try":
        sys.stdout.write(json.dumps(asyncio.run(at_work(Path(sys.argv[2])))) + "\n")
        return
    import service

    service.main()


if __name__ == "__main__":
    main()
