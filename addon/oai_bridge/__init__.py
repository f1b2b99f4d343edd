"""OpenAI's API in front, the clouds' own APIs behind: read `addon.py` first, then `exchange.py`."""

__version__ = "0.1.0"
