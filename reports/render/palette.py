"""The colours and patterns of print: the light theme of the dashboards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reports.render.svg import Drawing

INK = "#20262b"
MUTED = "#56606a"
RULE = "#c9ced3"
GROUND = "#ffffff"
MATCH_RAMP = ("#f3efe6", "#cfe0d0", "#8fc1a9", "#43917f", "#0b5a52")
SOURCES = ("#007f5f", "#0072b2", "#8a5a00", "#2b3a4a")
LIMIT = "#2b3a4a"


def match_colour(share: float) -> str:
    """The colour of a matched share of 0..1: lightness falls evenly, for every kind of colour vision."""
    place = min(max(share, 0.0), 1.0) * (len(MATCH_RAMP) - 1)
    low = min(int(place), len(MATCH_RAMP) - 2)
    part = place - low
    mixed = [
        round(a + (b - a) * part)
        for a, b in zip(_channels(MATCH_RAMP[low]), _channels(MATCH_RAMP[low + 1]), strict=True)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


@dataclass(frozen=True)
class Paint:
    """A plain colour with marks drawn over it; ``marks`` is what to fill with, or None."""

    ground: str
    marks: str | None

    def fill(self, drawing: Drawing, at: tuple[float, float], size: tuple[float, float]) -> None:
        """A rectangle of this paint."""
        # Two rectangles: tiles that carried the colour themselves would show their seams.
        drawing.rect(*at, size, fill=self.ground)
        if self.marks is not None:
            drawing.rect(*at, size, fill=self.marks)


def unknown(drawing: Drawing) -> Paint:
    """The hatch of what is not known."""
    marks = f'<path d="M-1,1 l2,-2 M0,5 l5,-5 M4,6 l2,-2" stroke="{MUTED}" stroke-width="0.6"/>'
    return Paint(GROUND, drawing.pattern("unknown", 5, marks))


def other(drawing: Drawing) -> Paint:
    """Energy that no contracted supply matched: pale, ruled across."""
    return Paint(
        "#e4e7ea", drawing.pattern("other", 4, '<path d="M0,2 h4" stroke="#b3bac1" stroke-width="0.8"/>')
    )


def source(drawing: Drawing, index: int) -> Paint:
    """The paint of supply ``index``: every supply has marks of its own, colours repeat after four."""
    turn, kind = divmod(index, len(_MARKS))
    marks = _MARKS[kind](turn)
    pattern = drawing.pattern(f"source{index}", 6, marks) if marks else None
    return Paint(SOURCES[index % len(SOURCES)], pattern)


def _solid(_turn: int) -> str:
    return ""


def _diagonal(turn: int) -> str:
    return f'<path d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2" stroke="#ffffff" stroke-width="{1.1 + 0.6 * turn}"/>'


def _dots(turn: int) -> str:
    return f'<circle cx="3" cy="3" r="{1.0 + 0.5 * turn}" fill="#ffffff"/>'


def _upright(turn: int) -> str:
    return f'<path d="M3,0 v6" stroke="#ffffff" stroke-width="{1.1 + 0.6 * turn}"/>'


def _crossed(turn: int) -> str:
    return f'<path d="M0,0 l6,6 M0,6 l6,-6" stroke="#ffffff" stroke-width="{0.8 + 0.5 * turn}"/>'


_MARKS: tuple[Callable[[int], str], ...] = (_solid, _diagonal, _dots, _upright, _crossed)
