"""A small SVG writer whose output depends on nothing but what is drawn: no dates, no generated ids."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

FONT = "DejaVu Sans"


class Drawing:
    """An SVG of ``width`` by ``height`` units; shapes are drawn in the order of the calls."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._shapes: list[str] = []
        self._patterns: dict[str, str] = {}

    def rect(self, x: float, y: float, size: tuple[float, float], **style: str | float) -> None:
        """A rectangle from its upper left corner; ``size`` is width and height."""
        self._add("rect", {"x": x, "y": y, "width": size[0], "height": size[1], **style})

    def line(self, start: tuple[float, float], end: tuple[float, float], **style: str | float) -> None:
        """A straight line."""
        self._add("line", {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1], **style})

    def polyline(self, points: list[tuple[float, float]], **style: str | float) -> None:
        """An open line through ``points``."""
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._add("polyline", {"points": path, "fill": "none", **style})

    def circle(self, x: float, y: float, radius: float, **style: str | float) -> None:
        """A circle about a point."""
        self._add("circle", {"cx": x, "cy": y, "r": radius, **style})

    def text(self, x: float, y: float, words: str, **style: str | float) -> None:
        """``words`` with their baseline at the point; ``anchor`` is start, middle or end."""
        anchor = style.pop("anchor", "start")
        attributes = {"x": x, "y": y, "font-family": FONT, "text-anchor": anchor, **style}
        self._shapes.append(f"<text{_attributes(attributes)}>{escape(words)}</text>")

    def pattern(self, name: str, size: float, marks: str) -> str:
        """Declares a transparent tile of ``size`` holding the SVG ``marks``: a paint to fill with."""
        self._patterns[name] = (
            f'<pattern id="{name}" width="{_number(size)}" height="{_number(size)}" '
            f'patternUnits="userSpaceOnUse">{marks}</pattern>'
        )
        return f"url(#{name})"

    def svg(self) -> str:
        """The whole document."""
        patterns = "".join(self._patterns[name] for name in sorted(self._patterns))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_number(self.width)} '
            f'{_number(self.height)}"><defs>{patterns}</defs>{"".join(self._shapes)}</svg>'
        )

    def _add(self, name: str, attributes: dict[str, str | float]) -> None:
        self._shapes.append(f"<{name}{_attributes(attributes)}/>")


def _attributes(attributes: dict[str, str | float]) -> str:
    return "".join(
        f" {name.replace('_', '-')}={quoteattr(value if isinstance(value, str) else _number(value))}"
        for name, value in attributes.items()
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
