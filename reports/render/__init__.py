"""Formats of the monthly report, one file each."""
