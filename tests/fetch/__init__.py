"""What a chat names by URL comes in time and in bounds, or the chat fails clearly; nobody else waits."""
