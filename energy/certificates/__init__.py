"""Certificates of origin: what is held in which registry, and what site and period each number serves."""
