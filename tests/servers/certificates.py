"""A certificate authority for one test run, made by the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import binary


@dataclass(frozen=True)
class Certificates:
    """Files of an authority, and of a server (127.0.0.1) and a client that it vouches for."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Keys and certificates that are valid for a day."""
    files = [folder / f"{name}.{kind}" for name in ("ca", "server", "client") for kind in ("pem", "key")]
    authority, authority_key, server, server_key, client, client_key = files
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    _openssl(
        "req", "-x509", *new_key, "-subj", "/CN=test authority", "-out", authority, "-keyout", authority_key
    )
    for certificate, key, name in ((server, server_key, "127.0.0.1"), (client, client_key, "collector")):
        _openssl(
            *("req", "-x509", *new_key, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-CA", authority, "-CAkey", authority_key),
            *("-out", certificate, "-keyout", key),
        )
    return Certificates(authority, server, server_key, client, client_key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([binary("openssl", "openssl"), *arguments], check=True, capture_output=True)
