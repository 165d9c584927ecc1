"""Names and addresses of hosts, as people write them."""

from __future__ import annotations

import re
from ipaddress import ip_address

from runtime.options import shown

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE | re.ASCII)


def is_host(text: str) -> bool:
    """Whether ``text`` can be a host: an IPv4 address, an IPv6 address (also in brackets) or a name."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ip_address(bare)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        # No top-level domain is a number: what ends in one is an address with a mistake in it.
        return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return True


def host_and_port(text: str) -> str:
    """``text``, an address to listen on, for validators of options. Raises ValueError with the fix."""
    host, _, port = text.rpartition(":")
    if not is_host(host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError(f"{shown(text)}: write HOST:PORT, for example 127.0.0.1:8080")
    return text
