"""Who pays: each cloud's credentials, minted once, kept fresh, never shown."""
