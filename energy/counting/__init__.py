"""How a cumulative register is read: which readings count, and what happened between each two of them."""
