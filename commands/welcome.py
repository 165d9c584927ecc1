"""What a person needs to enter the demo: where it is, and a login and a token, made for this run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commands.say import say
from dashboards.users import Users

TOKEN_NAME = "demo"


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
        """The same once more, below whatever was logged while ``days`` of history were loaded."""
        say("")
        say(f"ready: {days:.1f} days of history are loaded, and the sites are live. Stop with Ctrl-C.")
        self.tell()
