"""The registries that we know, one file each."""
