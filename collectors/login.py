"""Credentials for the broker, read from their files at each connection."""

from __future__ import annotations

import asyncio
import ssl

from collectors.link import Login
from collectors.source import BrokerOptions
from runtime.errors import SourceError
from runtime.options import read_secret


async def read_login(options: BrokerOptions) -> Login:
    """Password and certificates as they are on disk now. Raises SourceError naming key and file."""
    return await asyncio.to_thread(_read, options)


def _read(options: BrokerOptions) -> Login:
    try:
        password = read_secret(options.password_file) if options.password_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"[broker] password_file cannot be read: {error}") from None
    return Login(options.user, password, _tls(options) if options.tls else None)


def _tls(options: BrokerOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ValueError) as error:
        raise SourceError(f"[broker] ca_file {options.ca_file} is not usable: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert_file is not None:
        try:
            context.load_cert_chain(options.cert_file, options.key_file)
        except (OSError, ValueError) as error:
            where = f"{options.cert_file} and key_file {options.key_file}"
            raise SourceError(f"[broker] cert_file {where} are not usable: {error}") from None
    return context
