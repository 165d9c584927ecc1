"""From a table of the configuration that names its plugin by ``type`` to that plugin with checked options."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from runtime.mistakes import dotted
from runtime.options import shown
from runtime.registry import Plugin, Registry

T = TypeVar("T")

BESIDE = frozenset({"type", "name"})
"""Keys that every such table may have beside the options of its plugin."""


@dataclass(frozen=True)
class Chosen(Generic[T]):
    """A plugin that a table asks for, with its checked options; ``name`` is what the table calls it."""

    name: str
    plugin: Plugin[T]
    options: BaseModel

    def build(self, *more: Any) -> T:
        """The implementation. Raises whatever it raises."""
        return self.plugin.factory(self.options, *more)


def choose(
    registry: Registry[T], table: Mapping[str, Any], place: str, beside: Collection[str] = BESIDE
) -> Chosen[T] | list[str]:
    """What ``table`` asks for, or what is wrong with it: each with its place below ``place`` and the fix.

    Keys ``beside`` the options are not looked at. Without a ``name`` it is called as its type.
    """
    kind = table.get("type")
    if not isinstance(kind, str) or kind not in registry:
        known = ", ".join(registry)
        return [f"{place}.type: no {registry.kind} is named {shown(kind)}; there are: {known}"]
    plugin = registry[kind]
    try:
        options = plugin.options.model_validate({k: v for k, v in table.items() if k not in beside})
    except ValidationError as error:
        return list(_told(error, place, kind))
    name = table.get("name", kind)
    return Chosen(name if isinstance(name, str) else kind, plugin, options)


def _told(error: ValidationError, place: str, kind: str) -> Iterator[str]:
    """As :func:`runtime.mistakes.told`, in words that name the plugin whose keys they are."""
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        where = f"{place}.{dotted(one['loc'])}".rstrip(".")
        if one["type"] == "extra_forbidden":
            yield f"{where}: {kind} has no such key; check its spelling, or remove it"
        elif one["type"] == "missing":
            yield f"{where}: {kind} needs it; add it"
        else:
            yield f"{where}: {one['msg'].removeprefix('Value error, ')}"
