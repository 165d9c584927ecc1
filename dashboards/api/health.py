"""Whether the service lives, whether it is ready, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from dashboards.here import HouseHere
from dashboards.house import Readiness
from dashboards.metrics import exposition
from dashboards.problem import RESPONSES

router = APIRouter(tags=["health"], responses=RESPONSES)


class Health(BaseModel):
    """``ok`` whenever there is an answer at all."""

    status: str


class Ready(BaseModel):
    """``problems`` is empty when ``status`` is ``ready``."""

    status: str
    problems: list[str]


@router.get("/healthz")
async def healthz() -> Health:
    """The event loop is alive."""
    return Health(status="ok")


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
async def readyz(house: HouseHere) -> Response:
    """Configuration, journal and message source are in order; 503 with the reasons when not."""
    return await ready(house.readiness)


async def ready(readiness: Readiness) -> Response:
    """200 when there is no problem, else 503 that names them all."""
    problems = await readiness.problems()
    body = Ready(status="not ready" if problems else "ready", problems=problems)
    return JSONResponse(body.model_dump(), 503 if problems else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, house: HouseHere) -> Response:
    """Prometheus text: ingest, journal, stores, alerts, and each site's live power."""
    state = request.app.state
    text = await exposition(house, state.now, state.hub.listening)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
