"""Plugins by name: a file that stands in the right folder is found, options beside the class."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from runtime.errors import ServiceError
from runtime.options import shown

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin(Generic[T]):
    """One registered implementation: its configuration model and its factory."""

    name: str
    options: type[BaseModel]
    factory: Callable[..., T]


class Registry(Generic[T]):
    """Implementations of one contract by the name that the configuration uses.

    >>> STORES = Registry[Store]("store")
    >>> @STORES.add("duckdb", DuckDBOptions)
    ... class DuckDBStore: ...
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._plugins: dict[str, Plugin[T]] = {}
        self._loaded: set[str] = set()

    def add(self, name: str, options: type[BaseModel]) -> Callable[[Any], Any]:
        """Class decorator: register under ``name``. Two of one name are an error."""

        def register(factory: Any) -> Any:
            if name in self._plugins and self._plugins[name].factory is not factory:
                raise ServiceError(f"two {self.kind} plugins are named {name!r}")
            self._plugins[name] = Plugin(name, options, factory)
            return factory

        return register

    def load(self, package: ModuleType) -> None:
        """Import every module of ``package`` so that its plugins register themselves; once in a process."""
        if package.__name__ in self._loaded:
            return  # whoever asks for a plugin asks for this before: a look into the folder each time is dear
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
        self._loaded.add(package.__name__)

    def __getitem__(self, name: str) -> Plugin[T]:
        try:
            return self._plugins[name]
        except KeyError:
            known = ", ".join(sorted(self._plugins))
            raise ServiceError(f"no {self.kind} is named {name!r}; there are: {known}") from None

    def known(self, name: str) -> str:
        """``name``, for validators of options. Raises ValueError with all names that there are."""
        if name not in self._plugins:
            raise ValueError(f"no {self.kind} is named {shown(name)}; there are: {', '.join(self)}")
        return name

    def __contains__(self, name: object) -> bool:
        return name in self._plugins

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._plugins))
