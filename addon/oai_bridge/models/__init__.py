"""What each model can do, what it is called on each cloud and what it costs, as data."""
