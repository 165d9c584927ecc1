"""Implementations of :class:`collectors.source.MessageSource`, one file each."""
