"""Bring readings in; know nothing of what they are for."""
