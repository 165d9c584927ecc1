"""PUBLISH packets of GPU nodes, encoded once; only packet id, time and counter change afterwards."""

from __future__ import annotations

import struct

import msgspec
import numpy as np

from simulator.noise import key, uniform

FIRST_TS = 1_000_000_000_000
FIRST_SEQ = 1_000_000_000
"""Numbers of as many digits as every later one, so that the packet keeps its length."""

_PUBLISH_QOS1 = 0x32
_PACKET_ID = struct.Struct(">H")
_RACK_NODES = 25
_HALL_RACKS = 50


class NodeFrame:
    """One node's message as an MQTT 3.1.1 PUBLISH with QoS 1, patched in place."""

    __slots__ = ("_id_at", "_seq_at", "_ts_at", "raw", "topic")

    def __init__(self, topic: str, payload: bytes) -> None:
        name = topic.encode()
        body = len(name) + 4 + len(payload)
        head = bytes([_PUBLISH_QOS1]) + remaining_length(body) + _PACKET_ID.pack(len(name)) + name
        self.topic = topic
        self.raw = bytearray(head + b"\0\0" + payload)
        self._id_at = len(head)
        self._ts_at = self.raw.index(b'"ts":', len(head)) + 5
        self._seq_at = self.raw.index(b'"seq":', len(head)) + 6

    def stamped(self, packet_id: int, ts_ms: int, turn: int) -> bytes:
        """The packet with this id, ``ts`` and ``seq``; the turn-th message of this node."""
        raw = self.raw
        _PACKET_ID.pack_into(raw, self._id_at, packet_id)
        raw[self._ts_at : self._ts_at + 13] = b"%d" % ts_ms
        raw[self._seq_at : self._seq_at + 10] = b"%d" % (FIRST_SEQ + turn)
        return bytes(raw)


def node_frames(site: str, nodes: int, gpus: int) -> list[NodeFrame]:
    """One frame per node, each with values of its own; halls of 50 racks of 25 nodes."""
    values = uniform(key("loadtest", site), np.arange(nodes * gpus * 2, dtype=np.int64)).reshape(
        nodes, gpus, 2
    )
    return [NodeFrame(node_topic(site, n), _payload(values[n].tolist())) for n in range(nodes)]


def node_topic(site: str, number: int) -> str:
    """The topic of node ``number`` of a load test."""
    rack, node = divmod(number, _RACK_NODES)
    hall, rack = divmod(rack, _HALL_RACKS)
    return f"dc/v1/{site}/h{hall + 1}/r{rack + 1:02d}/n{node + 1:02d}/gpu"


def remaining_length(size: int) -> bytes:
    """``size`` in MQTT's variable-length form."""
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def _payload(gpus: list[list[float]]) -> bytes:
    told = [
        {
            "i": number,
            "power_w": round(600 + 100 * load, 1),
            "util": round(90 + 10 * load),
            "temp_c": round(55 + 10 * warm, 1),
            "mem_temp_c": round(68 + 10 * warm, 1),
            "energy_j": 900_000_000 + int(99_999_999 * warm),
        }
        for number, (load, warm) in enumerate(gpus)
    ]
    return msgspec.json.encode({"ts": FIRST_TS, "seq": FIRST_SEQ, "gpus": told})
