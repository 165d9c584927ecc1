"""A believable site that publishes over real MQTT; used by demo, load test and tests."""
