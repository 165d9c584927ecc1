"""The side door of a process without pages: its health, its metrics, its counters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware
from starlette.responses import Response

from dashboards.api.health import Ready, healthz, ready
from dashboards.api.ingest import Ingest
from dashboards.fence import Fence
from dashboards.gate import Gate
from dashboards.house import Side
from dashboards.hub import ingest_body
from dashboards.metrics import side_exposition
from dashboards.problem import RESPONSES, Problem, add_handlers
from dashboards.security import SecureHeaders

router = APIRouter(responses=RESPONSES)


def create_side_app(side: Side) -> FastAPI:
    """The application that looks into ``side``; it lets in whom the pages would."""
    app = FastAPI(
        title="Amberwatt",
        version=side.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[Middleware(SecureHeaders), Middleware(Fence), Middleware(Gate, house=side)],
    )
    app.state.house = side
    add_handlers(app)
    app.include_router(router)
    app.get("/healthz")(healthz)
    return app


def side_of(request: Request) -> Side:
    """What the application looks into."""
    side: Side = request.app.state.house
    return side


SideHere = Annotated[Side, Depends(side_of)]


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
async def readyz(side: SideHere) -> Response:
    """What this process needs is in order; 503 with the reasons when not."""
    return await ready(side.readiness)


@router.get("/metrics", response_class=Response)
async def metrics(side: SideHere) -> Response:
    """Prometheus text, of this process alone."""
    return Response(await side_exposition(side), headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/api/v1/ingest")
async def ingest(side: SideHere) -> Ingest:
    """What came in here, what became of it, and how far the stores have followed."""
    if side.ingest is None:
        raise Problem(404, "this process takes nothing in; ask an ingest process, or web for the sum of all")
    return Ingest.model_validate(ingest_body(await side.ingest.status()))
