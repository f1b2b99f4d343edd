"""What a developer sees of an exchange beside the client's own view."""
