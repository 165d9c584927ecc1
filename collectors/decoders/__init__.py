"""Payload formats, one file each: bytes in, columns out."""
