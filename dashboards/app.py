"""The web application: gate, fence, headers, API, live feed and pages around one house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from dashboards import entrance, live, pages
from dashboards.api import ROUTERS
from dashboards.assets import DIST, mount_static
from dashboards.fence import Fence
from dashboards.gate import Gate
from dashboards.house import House
from dashboards.hub import Hub
from dashboards.now import Now
from dashboards.problem import add_handlers
from dashboards.security import SecureHeaders, no_forgery
from dashboards.throttle import LoginThrottle
from runtime.clock import Clock, SystemClock

LARGEST_BODY = 256 * 1024
"""Bytes; nothing that is sent to us is larger than a form."""

_WORTH_PACKING = 1_024


def create_app(
    house: House, *, interval_s: float = 1.0, wall: Clock | None = None, static: Path = DIST
) -> FastAPI:
    """The application that looks into ``house``; its live feed ticks every ``interval_s``.

    ``wall`` paces the login and must be the machine's clock, whatever time ``house.clock`` replays.
    ``static`` holds the built files of the pages. Raises ServiceError when they have not been built.
    """
    app = FastAPI(
        title="Amberwatt",
        version=house.version,
        summary="The energy and green-power ledger of an AI datacenter",
        docs_url=None,  # the stock pages load scripts from other hosts; ours is /api/docs
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(no_forgery)],
        max_body_size=LARGEST_BODY,
        middleware=[
            Middleware(SecureHeaders),
            Middleware(Fence),
            Middleware(GZipMiddleware, minimum_size=_WORTH_PACKING, compresslevel=4),
            Middleware(Gate, house=house),
        ],
    )
    app.state.house = house
    app.state.now = Now(house)
    app.state.throttle = LoginThrottle(wall or SystemClock())
    app.state.error_page = entrance.error_page
    assets = mount_static(app, static)
    app.state.hub = Hub(house, app.state.now, assets.build, interval_s)
    add_handlers(app)
    for router in (*ROUTERS, live.router, entrance.router, pages.router):
        app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    feed = asyncio.create_task(hub.run(), name="live feed")
    yield
    hub.close()
    await feed
