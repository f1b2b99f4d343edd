"""Who waits, for how long, and which credential is next."""
