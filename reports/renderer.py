"""The contract of a report format: a monthly report in, the bytes of a file out."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import reports.render
from reports.content import MonthlyReport
from runtime.options import Options
from runtime.registry import Registry


class RendererOptions(Options):
    """A format has nothing to configure: the same report is the same file everywhere."""


class Renderer(Protocol):
    """One format. Pure: the same report gives the same bytes.

    ``name`` is the suffix of its files, ``content_type`` what they are served as, ``rank`` its place among
    the formats wherever people choose one, lowest first.
    """

    name: str
    content_type: str
    rank: int

    def render(self, report: MonthlyReport) -> bytes:
        """The file, whole."""
        ...


RENDERERS: Registry[Renderer] = Registry("report format")


def renderers() -> dict[str, Renderer]:
    """One of every format that stands in :mod:`reports.render`, by name, in the order of their ranks."""
    _load()
    made = [RENDERERS[name].factory() for name in RENDERERS]
    return {renderer.name: renderer for renderer in sorted(made, key=lambda one: (one.rank, one.name))}


@cache
def _load() -> None:
    RENDERERS.load(reports.render)
