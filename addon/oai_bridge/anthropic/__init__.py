"""The client side in Anthropic's own format: errors and passed-through streams, for the native Messages route."""
