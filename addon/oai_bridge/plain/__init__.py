"""Small tools that know nothing of requests."""
