"""An MQTT 5 connection of our own: an asyncio protocol on the packets of the codec ``mqtt5``."""
