"""One worksheet being filled from the top: typed columns, a frozen head, widths, and what is withheld."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import xlsxwriter

from reports.render.numbers import WITHHELD

Style = Literal["text", "wh", "ratio", "share", "count", "time", "number", "wrap"]
Value = str | float | int | datetime | None

_FORMATS: dict[str, dict[str, Any]] = {
    "text": {},
    "wrap": {"text_wrap": True, "valign": "top"},
    "wh": {"num_format": "#,##0.###"},
    "ratio": {"num_format": "0.0000"},
    "share": {"num_format": "0.0000%"},  # four decimals: 99.9999 % must not look like all of it
    "count": {"num_format": "#,##0"},
    "number": {"num_format": "General"},
    "time": {"num_format": "yyyy-mm-dd hh:mm"},
    "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#e9ebed"},
    "title": {"bold": True, "font_size": 14},
    "withheld": {"italic": True, "font_color": "#56606a"},
    "total": {"bold": True, "top": 1, "num_format": "#,##0.###"},
    "bold": {"bold": True},
    "notice": {"bold": True, "font_color": "#ffffff", "bg_color": "#20262b"},
}


@dataclass(frozen=True)
class Column:
    """A column's heading, the style of its cells, and its width in characters."""

    name: str
    style: Style = "text"
    width: float = 14


class Book:
    """A workbook with the formats that all sheets share."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self.workbook = workbook
        self.formats = {name: workbook.add_format(options) for name, options in _FORMATS.items()}

    def sheet(self, name: str, columns: Sequence[Column], *, notice: str | None = None) -> Sheet:
        """A new sheet with its head written and frozen; ``notice`` stands above the head."""
        return Sheet(self, name, columns, notice)


class Sheet:
    """A worksheet; ``row`` is the next free row, counted from 0."""

    def __init__(self, book: Book, name: str, columns: Sequence[Column], notice: str | None) -> None:
        self.name, self.columns, self.row = name, tuple(columns), 0
        self._formats = book.formats
        self._sheet = book.workbook.add_worksheet(name)
        if notice is not None:
            self._sheet.write_string(0, 0, notice, self._formats["notice"])
            self.row = 1
        for i, column in enumerate(self.columns):
            self._sheet.set_column(i, i, column.width)
            self._sheet.write_string(self.row, i, column.name, self._formats["head"])
        self.row += 1
        self.first = self.row
        self._sheet.freeze_panes(self.row, 1)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)
        self._sheet.fit_to_pages(1, 0)
        self._sheet.repeat_rows(0, self.row - 1)

    def add(self, values: Sequence[Value], *, none: str = WITHHELD) -> None:
        """One row, a value a column; ``none`` is written where a figure is None, never 0."""
        for i, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            self._write(i, column.style, value, none)
        self.row += 1

    def add_styled(self, label: str, value: Value, style: Style, note: str, name: str = "") -> None:
        """One row of a sheet of single figures: what, how much in its own style, a remark, its other name."""
        self._sheet.write_string(self.row, 0, label)
        self._write(1, style, value, WITHHELD)
        self._sheet.write_string(self.row, 2, note)
        if name:
            self._sheet.write_string(self.row, 3, name)
        self.row += 1

    def add_sums(self, label: str, sums: Sequence[tuple[int, float]]) -> int:
        """A row that sums columns by formula, each with the value it comes to; returns its row."""
        at = self.row
        self._sheet.write_string(at, 0, label, self._formats["bold"])
        for column, value in sums:
            letter = _letter(column)
            formula = f"=SUM({letter}{self.first + 1}:{letter}{at})"
            self._sheet.write_formula(at, column, formula, self._formats["total"], value)
        self.row += 1
        return at

    def _write(self, column: int, style: str, value: Value, none: str) -> None:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            if none:
                self._sheet.write_string(self.row, column, none, self._formats["withheld"])
        elif isinstance(value, datetime):
            naive = value.astimezone(UTC).replace(
                tzinfo=None
            )  # a sheet knows no zones: UTC, as its head says
            self._sheet.write_datetime(self.row, column, naive, self._formats["time"])
        elif isinstance(value, str):
            text_style = style if style in ("wrap", "withheld") else "text"
            self._sheet.write_string(self.row, column, value, self._formats[text_style])
        else:
            self._sheet.write_number(self.row, column, value, self._formats[style])


def _letter(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
