"""Every factor set that can be used: those that come with Amberwatt, and the operator's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from energy.carbon.factor import FactorSet
from runtime.mistakes import told
from runtime.options import shown

SETS = Path(__file__).parent / "sets"


@cache
def packaged() -> Mapping[str, FactorSet]:
    """The sets that come with Amberwatt, by id."""
    found = (FactorSet.model_validate(tomllib.loads(_text(path))) for path in sorted(SETS.glob("*.toml")))
    return {one.id: one for one in found}


def library(tables: Sequence[Mapping[str, Any]], problems: list[str]) -> dict[str, FactorSet]:
    """All sets by id, with those of the ``[[factors]]`` ``tables``; what is wrong is added to ``problems``.

    A table holds a set, or names the file of one by ``set_file``. One with a mistake is not there.
    """
    found = dict(packaged())
    for number, table in enumerate(tables):
        place = f"factors[{number}]"
        mistakes: list[str] = []
        one = _read(table, place, mistakes)
        if one is not None and one.id in found:
            mistakes.append(f"{place}.id: there is a set {one.id!r} already; give this one its own id")
        if one is not None and not mistakes:
            found[one.id] = one
        problems += mistakes
    return found


def _read(table: Mapping[str, Any], place: str, mistakes: list[str]) -> FactorSet | None:
    whole = dict(table)
    name = whole.pop("set_file", None)
    if name is not None:
        if whole:
            mistakes.append(f"{place}: holds a set_file and {', '.join(whole)}; write one or the other")
            return None
        loaded = _file(str(name), place, mistakes)
        if loaded is None:
            return None
        whole, place = loaded, f"{place} ({Path(str(name)).name})"
    try:
        one = FactorSet.model_validate(whole)
    except ValidationError as error:
        mistakes += told(error, f"{place}.")
        return None
    mistakes += one.problems(place)
    return one


def _file(name: str, place: str, mistakes: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(_text(Path(name)))
    except OSError:
        mistakes.append(f"{place}.set_file: there is no file {name}")
    except ValueError as error:
        mistakes.append(f"{place}.set_file: {name} is not TOML: {error}")
    return None


def unknown_sets(wanted: Mapping[str, str | None], known: Mapping[str, FactorSet]) -> Iterator[str]:
    """What is wrong with the sets that the keys of ``wanted`` (places) name."""
    for place, name in wanted.items():
        if name is not None and name not in known:
            yield f"{place}: {shown(name)} is no factor set; there are: {', '.join(known)}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")
