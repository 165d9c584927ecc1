"""A room for guests: under each folder one file, which is found as if it stood in the folder of that name."""
