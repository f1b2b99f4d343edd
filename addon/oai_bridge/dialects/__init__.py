"""Messages of a cloud's own API to and from the internal language: one pair of files per dialect."""
