"""Cut the bytes that arrive into MQTT 5 packets, whatever the pieces in which they come."""

from __future__ import annotations

from collections.abc import Callable

import mqtt5
from mqtt5 import DisconnectReasonCode as Reason

from runtime.errors import SourceError

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest packet that we take. The broker is told, and discards larger ones by itself."""

_OLD_CONNACK = b"\x20\x02"

_LENGTH_BYTES = 4
"""Most bytes that tell the length of a packet, after the one that tells its type."""


class Violation(SourceError):
    """The broker sent what MQTT 5 does not allow; ``reason`` is what our DISCONNECT says of it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class OldGreeting(Violation):
    """A CONNACK of MQTT 3.1.1: its two bytes are one fewer than the shortest of MQTT 5."""

    def __init__(self, code: int) -> None:
        super().__init__(Reason.MALFORMED_PACKET, f"a CONNACK of MQTT 3.1.1 (0x{code:02x})")


class PacketReader:
    """The bytes of one connection that are not yet packets.

    Holds no more than one packet of :data:`LARGEST` and what was fed since the last packets were taken. A
    packet that comes in pieces is not looked at again before all of it is here. ``read`` is the codec.
    """

    def __init__(self, read: Callable[[memoryview], tuple[mqtt5.Packet, int]] = mqtt5.read) -> None:
        self._read = read
        self._held = bytearray()
        self._wanted = 1

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._held += data

    def take(self, limit: int) -> list[mqtt5.Packet]:
        """The next packets, at most ``limit``; empty when not even one is whole.

        Raises Violation once everything before the fault was taken.
        """
        packets: list[mqtt5.Packet] = []
        read, held, at = self._read, self._held, 0
        if len(held) < self._wanted:
            return packets
        self._wanted = 1
        with memoryview(held) as view:
            try:
                while at < len(held) and len(packets) < limit:
                    packet, size = read(view[at:])
                    packets.append(packet)
                    at += size
            except BaseException as error:
                if not _is_verdict(error):
                    raise
                if not packets:
                    self._wanted = _missing(error, bytes(view[: 1 + _LENGTH_BYTES]), len(held))
        del held[:at]
        return packets


def _is_verdict(error: BaseException) -> bool:
    """Whether the codec means the bytes by it.

    At text that is not UTF-8 the codec panics, and a panic of Rust is no Exception.
    """
    return isinstance(error, IndexError | ValueError) or type(error).__name__ == "PanicException"


def _missing(error: BaseException, head: bytes, held: int) -> int:
    """How many bytes the packet that begins with ``head`` needs, more than are ``held``; else Violation."""
    if isinstance(error, IndexError):
        wanted = _size(head)
        if wanted > LARGEST:
            raise Violation(Reason.PACKET_TOO_LARGE, f"a packet of {wanted} bytes")
        if wanted > held:
            return wanted
    if head.startswith(_OLD_CONNACK) and held >= len(_OLD_CONNACK) + 2:
        raise OldGreeting(head[3])
    told = str(error) if isinstance(error, ValueError) else "text that is not UTF-8, or a length that lies"
    raise Violation(Reason.MALFORMED_PACKET, f"a malformed packet (0x{head.hex()}…): {told}")


def _size(head: bytes) -> int:
    """Bytes of the packet that begins with ``head``; one more than ``head`` has if that is not told yet."""
    length = 0
    for place, byte in enumerate(head[1 : 1 + _LENGTH_BYTES]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return 2 + place + length
    return len(head) + 1
