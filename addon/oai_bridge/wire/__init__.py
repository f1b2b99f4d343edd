"""Framing: bytes from the network to messages. Nothing here knows what a message means."""
