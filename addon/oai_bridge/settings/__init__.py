"""The settings: where they are found, how they are read, what they are."""
