"""What requests cost, at most and in the end, and the books of it."""
