"""The monthly pack: build, render, archive."""
