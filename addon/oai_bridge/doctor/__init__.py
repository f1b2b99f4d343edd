"""The doctor: looks at everything that stands between a user and an answer, and says of each fault what to do."""
