"""The vocabulary and the memory: catalogue, frames, journal, live state, stores."""
