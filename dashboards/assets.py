"""The bundled files of the pages: their hashed URLs, and the mount that serves them for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from runtime.errors import ServiceError

STATIC = "/static"
DIST = Path(__file__).parent / "static" / "dist"
_FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """URLs by source name: ``app.js`` -> ``/static/app-3QX7.js``; ``build`` names this very bundle."""

    def __init__(self, urls: Mapping[str, str], build: str) -> None:
        self._urls = dict(urls)
        self.build = build

    @classmethod
    def read(cls, folder: Path = DIST) -> Assets:
        """Read esbuild's ``meta.json``. Raises ServiceError that tells how to build when it is missing."""
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ServiceError(
                f"{folder} holds no meta.json: the pages' files are not built; run: python hatch_build.py"
            ) from None
        files = {
            Path(output["entryPoint"]).name: Path(name).name
            for name, output in meta["outputs"].items()
            if "entryPoint" in output
        }
        # The names hold the hashes of the contents, so a digest of the names tells two bundles apart.
        build = hashlib.sha256("\n".join(sorted(files.values())).encode()).hexdigest()[:12]
        return cls({source: f"{STATIC}/{name}" for source, name in files.items()}, build)

    def url(self, source: str) -> str:
        """The URL of an entry; KeyError names it when the bundle has none."""
        return self._urls[source]


class _Immutable(StaticFiles):
    """A name holds the hash of its content, so a browser need never ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = _FOR_EVER
        return response


def mount_static(app: FastAPI, folder: Path = DIST) -> Assets:
    """Serve the bundle under ``/static`` and keep its names as ``app.state.assets``.

    Raises ServiceError when the bundle has not been built.
    """
    assets = Assets.read(folder)
    app.mount(STATIC, _Immutable(directory=folder), name="static")
    app.state.assets = assets
    return assets
