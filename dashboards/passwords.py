"""Password hashing with Argon2id, off the event loop, at the same cost for names that do not exist."""

from __future__ import annotations

import asyncio
import secrets
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
"""Characters; length is what resists guessing, so no rule asks for digits or capitals."""

LONGEST = 1024
"""Characters; hashing megabytes on request would be a way to keep the service busy."""

_AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB and a core."""


class Passwords:
    """Hashes and verifies; at most two at a time, the others wait."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The encoded hash, salt and parameters included. Raises ValueError when it is too short or long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise ValueError(
                f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}"
            )
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether ``password`` belongs to ``encoded``; None takes as long and is never right."""
        if len(password) > LONGEST:
            return False
        async with self._room:
            right = await asyncio.to_thread(self._verify, encoded or self._nobody, password)
        return right and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Whether ``encoded`` was made with weaker parameters than are used today."""
        return self._hasher.check_needs_rehash(encoded)

    def _verify(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))
