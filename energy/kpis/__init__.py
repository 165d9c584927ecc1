"""Key performance indicators, one file each."""
