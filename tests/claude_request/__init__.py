"""The whole body for Claude: what the API demands of it holds for all chats, and its parts agree with each other."""
