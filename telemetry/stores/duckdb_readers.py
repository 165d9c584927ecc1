"""Who reads sealed files now: a file that is forgotten stays on disk until nobody can still ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

SealedFile = tuple[int, str]
"""Number of a file, and the measurement of its rows."""


class Readers:
    """Counts readers and the files that wait for them; any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entered = 0
        self._inside: set[int] = set()
        self._leaving: list[tuple[int, SealedFile]] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Held from before a reader's transaction begins until its answer is complete."""
        with self._lock:
            self._entered += 1
            mine = self._entered
            self._inside.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._inside.discard(mine)

    def leave(self, files: Sequence[SealedFile]) -> None:
        """``files`` were forgotten: whoever comes now does not know them any more."""
        with self._lock:
            self._leaving += [(self._entered, file) for file in files]

    def free(self) -> list[SealedFile]:
        """The files that nobody reads any more; each is told once."""
        with self._lock:
            oldest = min(self._inside, default=self._entered + 1)
            free = [file for since, file in self._leaving if since < oldest]
            self._leaving = [(since, file) for since, file in self._leaving if since >= oldest]
        return free
