"""Implementations of :class:`telemetry.store.Store`, one file each."""
