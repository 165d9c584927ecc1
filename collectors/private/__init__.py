"""What our MQTT adapters use of their libraries that these do not promise: all of it, one file each."""
