"""A line of a report as the cells of a table."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, Any]


def cells(line: DataclassInstance) -> Row:
    """The fields of ``line`` by name, and those that an older report did not tell, which ``vars`` lacks."""
    return {field.name: getattr(line, field.name) for field in fields(line)}
