"""An MQTT broker inside the process, for the demo and for small sites; production has its own broker."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from types import TracebackType

import structlog
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from runtime.errors import SourceError

log = structlog.get_logger(__name__)

_HOST = "127.0.0.1"
_NOISY = ("amqtt", "transitions")


class LoopbackAccess(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in everybody who can reach the loopback address.

    amqtt's own anonymous access marks sessions as anonymous, and those lose their subscriptions and queued
    messages a second after a disconnect; these are kept.
    """

    @dataclass
    class Config:
        """Nothing to configure."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Everybody is welcome."""
        return True


def _why(error: BrokerError) -> str:
    """The system's own words, such as "address already in use"; numbers and addresses stand beside it."""
    cause = error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    return os.strerror(number).lower() if number else str(cause or error)


class EmbeddedBroker:
    """amqtt on 127.0.0.1, MQTT 3.1.1, good for some thousand messages a second; an async context manager.

    ``port`` 0 takes a free one; :attr:`port` tells which, once started. Sessions and retained messages live
    as long as the process. Raises SourceError when the port is taken.
    """

    def __init__(self, port: int = 1883) -> None:
        self.port = port
        self._broker: Broker | None = None

    async def __aenter__(self) -> EmbeddedBroker:
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config = BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"{_HOST}:{self.port}")},
            plugins={f"{LoopbackAccess.__module__}.{LoopbackAccess.__name__}": {}},
        )
        self._broker = Broker(config)
        try:
            await self._broker.start()
        except BrokerError as error:
            self._broker = None
            raise SourceError(
                f"the embedded broker cannot listen on {_HOST}:{self.port}: {_why(error)}; "
                "stop what uses it, or choose another port"
            ) from error
        self.port = self._broker._servers["default"].instance.sockets[0].getsockname()[1]
        log.info("broker_started", host=_HOST, port=self.port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None
            log.info("broker_stopped", port=self.port)
