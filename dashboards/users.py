"""Who may look and who may act: local users, sessions and API tokens."""
