"""What a person needs to enter the demo: where it is, and a login and a token, made for this run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from commands.say import say
from dashboards.users import Users

TOKEN_NAME = "demo"


A_TENTH = 0.1
"""Days of history from which on it is said how many were loaded; fewer would read as none."""

STEPS = 10
"""How many times it is said how much of the history is loaded."""


async def tell_loading(
    share: Callable[[], float | None], loaded: asyncio.Event, every: timedelta = timedelta(seconds=1)
) -> None:
    """Say each time that another tenth of the history is there, until it is ``loaded``.

    ``share`` tells how much there is, 0..1, and is asked again ``every`` so often.
    """
    told = 0
    while not loaded.is_set():
        reached = int(STEPS * (share() or 0.0))
        if told < reached < STEPS:
            say(f"  {reached * 100 // STEPS} % of the history is loaded")
            told = reached
        with suppress(TimeoutError):
            await asyncio.wait_for(loaded.wait(), every.total_seconds())


@dataclass(frozen=True)
class Welcome:
    """The address, the login and the token of this run; none of them is kept anywhere in the clear."""

    address: str
    user: str
    password: str
    token: str
    configuration: Path

    @classmethod
    async def prepare(cls, users: Users, address: str, configuration: Path) -> Welcome:
        """Make or renew the first operator's login, and a token in place of the last run's."""
        login = await users.ensure_first() or await users.renew_first()
        for token in await users.tokens():
            if token.name == TOKEN_NAME:
                await users.token_revoke(token.prefix)
        return cls(address, *login, await users.token_create("operator", TOKEN_NAME), configuration)

    def tell(self) -> None:
        """On lines of their own: ``address:``, ``login:``, ``token:``, ``configuration:``."""
        say(f"address: {self.address}")
        say(f"login: {self.user} {self.password}")
        say(f"token: {self.token}")
        say(f"configuration: {self.configuration}  (for the other commands: --config)")

    def tell_ready(self, days: float) -> None:
        """The same once more, below whatever was logged while ``days`` of history were loaded.

        A later start loads only what passed since the one before, which may be minutes.
        """
        loaded = f"{days:.1f} days of history are loaded" if days >= A_TENTH else "the history is there"
        say("")
        say(f"ready: {loaded}, and the sites are live. Stop with Ctrl-C.")
        self.tell()
