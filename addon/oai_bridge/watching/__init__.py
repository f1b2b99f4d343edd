"""What mitmproxy's own windows show, and what they can do."""
