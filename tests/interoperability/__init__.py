"""Other people's programs, before and behind the proxy: run by scripts/test.py --interop only."""
