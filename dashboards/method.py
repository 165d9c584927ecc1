"""The Method pages: what every figure is, as the handbook tells it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dashboards import handbook
from dashboards.drawing import draw, frame
from dashboards.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/method")
async def method_index(request: Request) -> HTMLResponse:
    """Every figure with definition, formula, treatment of gaps and reference."""
    return await _page(request, None)


@router.get("/method/{topic}")
async def method_topic(request: Request, topic: str) -> HTMLResponse:
    """One topic in detail."""
    return await _page(request, topic)


async def _page(request: Request, topic: str | None) -> HTMLResponse:
    chapter = handbook.chapter(topic)
    if chapter is None:
        known = ", ".join(handbook.topics())
        raise Problem(404, f"there is no topic “{(topic or '')[:40]}”; choose from {known}.")
    shell = await frame(request, "method")
    return draw(request, "method.html", frame=shell, chapter=chapter, topic=topic, topics=handbook.topics())
