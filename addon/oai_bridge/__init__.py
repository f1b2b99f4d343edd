"""OpenAI's API in front, the clouds' own APIs behind: read `addon.py` first, then `exchanges/`."""

__version__ = "0.1.0"
