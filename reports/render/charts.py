"""The three pictures of the report, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from energy.figures import MixRow
from energy.quantity import fitting
from reports.content import DayLine, HeatCell, MonthFigures
from reports.render import palette
from reports.render.axis import ticks
from reports.render.numbers import Numbers
from reports.render.palette import Paint
from reports.render.svg import Drawing

WIDTH = 720.0
LEFT, RIGHT = 46.0, 12.0
LABEL = 9.0
PLOT = WIDTH - LEFT - RIGHT


def heat_map(figures: MonthFigures, numbers: Numbers) -> str:
    """Days across, hours of the day down; darker is better matched, hatched is not known."""
    days, cell = figures.days, PLOT / 31
    height = 17.0
    drawing = Drawing(WIDTH, 24 * height + 76)
    hatch = palette.unknown(drawing)
    for i, one in enumerate(figures.heat_map):
        column, hour = divmod(i, 24)
        _cell(drawing, one, (LEFT + column * cell, hour * height), (cell - 1, height - 1), hatch)
    for hour in range(0, 24, 3):
        drawing.text(LEFT - 6, hour * height + 11.5, f"{hour:02d}:00", anchor="end", **_label())
    _day_axis(drawing, days, 24 * height, (cell, numbers))
    _heat_legend(drawing, 24 * height + 48, numbers, hatch)
    return drawing.svg()


def _cell(
    drawing: Drawing, cell: HeatCell, at: tuple[float, float], size: tuple[float, float], hatch: Paint
) -> None:
    if cell.hours == 0:
        return
    if cell.share is not None:
        drawing.rect(*at, size, fill=palette.match_colour(cell.share))
        return
    hatch.fill(drawing, at, size)


def _day_axis(drawing: Drawing, days: Sequence[DayLine], y: float, scale: tuple[float, Numbers]) -> None:
    pitch, numbers = scale
    for i, day in enumerate(days):
        middle = LEFT + (i + 0.5) * pitch - 0.5
        weekend = day.date.weekday() >= 5
        weight = "bold" if weekend else "normal"
        drawing.text(middle, y + 12, str(day.date.day), anchor="middle", font_weight=weight, **_label())
        drawing.text(
            middle, y + 23, numbers.weekday(day.date), anchor="middle", font_size=7, fill=palette.MUTED
        )


def _heat_legend(drawing: Drawing, y: float, numbers: Numbers, hatch: Paint) -> None:
    drawing.text(LEFT, y + 9, "Hourly matched share", **_label())
    x = LEFT + 120
    for i in range(40):
        drawing.rect(x + i * 5, y, (5.2, 11), fill=palette.match_colour(i / 39))
    for i in range(5):
        drawing.text(x + i * 50, y + 21 - 1, numbers.percent_mark(i / 4), anchor="middle", font_size=7,
                     fill=palette.MUTED)  # fmt: skip
    hatch.fill(drawing, (x + 226, y), (22, 11))
    _frame(drawing, (x + 226, y), (22, 11))
    drawing.text(x + 253, y + 9, "not known or not settled yet", **_label())


def energy_by_day(figures: MonthFigures, numbers: Numbers) -> str:
    """Stacked bars: matched energy by supply from the ground up, then other, then unknown."""
    height = 270.0
    names = [s.supply for s in figures.sources]
    drawing = Drawing(WIDTH, height + 62 + 16 * ((len(names) + 2 + 2) // 3))
    paints = [palette.source(drawing, i) for i in range(len(names))]
    paints += [palette.other(drawing), palette.unknown(drawing)]
    stacks = [_stack(day.mix, names) for day in figures.days]
    highest = max((sum(stack) for stack in stacks), default=0.0)
    unit = fitting([highest])
    top = ticks(0.0, highest / unit.wh or 1.0)
    _value_axis(drawing, top, (14.0, height), numbers)
    pitch = PLOT / 31
    for i, (day, stack) in enumerate(zip(figures.days, stacks, strict=True)):
        place = (LEFT + i * pitch + 2, 14.0 + height)
        if day.mix.load_wh is None:
            paints[-1].fill(drawing, (place[0], 14.0), (pitch - 5, height))
            continue
        scaled = [energy / unit.wh / top[-1] * height for energy in stack]
        _bar(drawing, place, pitch - 5, list(zip(scaled, paints, strict=True)))
    drawing.text(LEFT, 6, f"{unit.name} a day", **_label())
    _day_axis(drawing, figures.days, 14 + height, (pitch, numbers))
    _source_legend(drawing, 14 + height + 38, [*names, "other (not matched)", "unknown"], paints)
    return drawing.svg()


def _bar(
    drawing: Drawing, foot: tuple[float, float], width: float, parts: Sequence[tuple[float, Paint]]
) -> None:
    x, y = foot
    for tall, paint in parts:
        if tall > 0:
            y -= tall
            paint.fill(drawing, (x, y), (width, tall))
            drawing.line((x, y), (x + width, y), stroke=palette.GROUND, stroke_width=0.6)


def _stack(mix: MixRow, names: Sequence[str]) -> list[float]:
    return [*(mix.green.get(name, 0.0) for name in names), mix.other_wh or 0.0, mix.unknown_wh or 0.0]


def _source_legend(drawing: Drawing, y: float, names: Sequence[str], paints: Sequence[Paint]) -> None:
    for i, (name, paint) in enumerate(zip(names, paints, strict=True)):
        x, line = LEFT + (i % 3) * 220, y + (i // 3) * 16
        paint.fill(drawing, (x, line), (24, 11))
        _frame(drawing, (x, line), (24, 11))
        drawing.text(x + 30, line + 9, name, **_label())


def pue_by_day(figures: MonthFigures, numbers: Numbers) -> str:
    """One mark a day, the limit as a dashed line, withheld days hatched."""
    height, pitch = 165.0, PLOT / 31
    drawing = Drawing(WIDTH, height + 44)
    hatch = palette.unknown(drawing)
    values = [day.kpi.pue for day in figures.days]
    limit = figures.site.pue_limit
    known = [v for v in values if v is not None]
    bounds = [*known, *([] if limit is None else [limit])] or [1.0, 2.0]
    scale = ticks(min([*bounds, 1.0]), max(bounds), 4)
    _ratio_axis(drawing, scale, (14.0, height), numbers)
    points: list[tuple[float, float] | None] = []
    for i, value in enumerate(values):
        x = LEFT + (i + 0.5) * pitch - 0.5
        if value is None:
            hatch.fill(drawing, (x - pitch / 2 + 1, 14), (pitch - 2, height))
        points.append(None if value is None else (x, _y(value, scale, (14.0, height))))
    _marks(drawing, points)
    if limit is not None:
        y = _y(limit, scale, (14.0, height))
        drawing.line((LEFT, y), (WIDTH - RIGHT, y), stroke=palette.LIMIT, stroke_dasharray="5 3")
        words = f"limit {numbers.ratio(limit)}"
        drawing.text(WIDTH - RIGHT, y - 4, words, anchor="end", **_label())
    _day_axis(drawing, figures.days, 14 + height, (pitch, numbers))
    return drawing.svg()


def _marks(drawing: Drawing, points: Sequence[tuple[float, float] | None]) -> None:
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
            continue
        if len(run) > 1:
            drawing.polyline(run, stroke=palette.SOURCES[1], stroke_width=1.4)
        for x, y in run:
            drawing.circle(x, y, 2.2, fill=palette.SOURCES[1])
        run = []


def _y(value: float, scale: Sequence[float], place: tuple[float, float]) -> float:
    top, height = place
    return top + height * (1 - (value - scale[0]) / (scale[-1] - scale[0]))


def _value_axis(
    drawing: Drawing, scale: Sequence[float], place: tuple[float, float], numbers: Numbers
) -> None:
    digits = 0 if all(float(v).is_integer() for v in scale) else 1
    _axis(drawing, scale, place, [numbers.decimal(v, digits) for v in scale])


def _ratio_axis(
    drawing: Drawing, scale: Sequence[float], place: tuple[float, float], numbers: Numbers
) -> None:
    _axis(drawing, scale, place, [numbers.decimal(v, 2) for v in scale])


def _axis(drawing: Drawing, scale: Sequence[float], place: tuple[float, float], words: list[str]) -> None:
    for value, word in zip(scale, words, strict=True):
        y = _y(value, scale, place)
        heavy = value == scale[0]
        colour = palette.MUTED if heavy else palette.RULE
        drawing.line((LEFT, y), (WIDTH - RIGHT, y), stroke=colour, stroke_width=0.9 if heavy else 0.5)
        drawing.text(LEFT - 6, y + 3, word, anchor="end", **_label())


def _frame(drawing: Drawing, at: tuple[float, float], size: tuple[float, float]) -> None:
    drawing.rect(*at, size, fill="none", stroke=palette.MUTED, stroke_width=0.5)


def _label() -> dict[str, str | float]:
    return {"font_size": LABEL, "fill": palette.INK}
