"""The way out: the connections to the clouds and to what clients name by URL."""
