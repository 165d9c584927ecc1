"""Real servers on loopback, each started on a free port and stopped by its process id."""
