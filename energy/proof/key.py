"""The secret by which locks and restatements are signed: whoever can write the database alone cannot sign.

A signature is HMAC-SHA256 over the canonical bytes of a document (see ADR 16). The key is made at first use,
in a file that only its owner may read.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from runtime.errors import ServiceError

_BYTES = 32


class SigningKey:
    """The key in the file ``path``; it is read, or made, when something is first signed or checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._secret: bytes | None = None

    @property
    def name(self) -> str:
        """A fingerprint that tells keys apart and tells nothing of them. Raises ServiceError."""
        return hashlib.sha256(b"amberwatt ledger key " + self._read()).hexdigest()[:16]

    def exists(self) -> bool:
        """Whether there is one; what was never signed needs none."""
        return self._secret is not None or self.path.exists()

    def sign(self, document: str) -> str:
        """The signature of ``document``, as hexadecimal digits. Raises ServiceError."""
        return hmac.new(self._read(), document.encode(), hashlib.sha256).hexdigest()

    def signed(self, document: str, signature: str) -> bool:
        """Whether ``signature`` is this key's of ``document``. Raises ServiceError."""
        return hmac.compare_digest(self.sign(document), signature)

    def _read(self) -> bytes:
        if self._secret is None:
            try:
                self._make()
                self._secret = bytes.fromhex(self.path.read_text(encoding="ascii").strip())
            except (OSError, ValueError) as error:
                raise ServiceError(
                    f"{self.path}: the key of the ledger cannot be read: {error}; restore it from its backup"
                ) from None
            if len(self._secret) != _BYTES:
                raise ServiceError(f"{self.path}: is no key of the ledger; restore it from its backup")
        return self._secret

    def _make(self) -> None:
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, self.path)  # of two that make one at once, the first
            except FileExistsError:
                return
        finally:
            fresh.unlink(missing_ok=True)
