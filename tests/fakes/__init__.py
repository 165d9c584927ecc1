"""Working twins of contracts, for tests of the rooms above them."""
