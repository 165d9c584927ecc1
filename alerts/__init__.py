"""Judge, remember, tell: rules, states, routing, outbox, channels."""
