"""Set up `.venv-dev` where that is needed, then check style, types and behaviour. Arguments go to pytest.

`--interop`, `--mitmproxy VERSION`, `--audit` or `--coverage` as the first argument does that instead: see `_asked.py`.
"""

import os
import subprocess
import sys
import time

import _python

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv-dev")
ASKED = ("--interop", "--mitmproxy", "--audit", "--coverage")
STEPS = (
    ("lint", ["ruff", "check"]),
    ("format", ["ruff", "format", "--check"]),
    ("types", ["mypy"]),
    # Files side by side, each on one core, in their order: the slow ones come first, see tests/conftest.py.
    ("tests", ["pytest", "-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]),
)


def main():
    """Run every step; leave with the first failure's exit code."""
    _python.ensure(__file__, VENV)
    import _venv

    python = _venv.prepare_or_exit(VENV, os.path.join(ROOT, "requirements-dev.lock"))
    if sys.argv[1:2] and sys.argv[1] in ASKED:
        import pathlib

        import _asked

        sys.exit(_asked.ask(sys.argv[1:], pathlib.Path(ROOT), python))
    codes = [run(name, [python, "-m"] + step + (sys.argv[1:] if name == "tests" else [])) for name, step in STEPS]
    sys.exit(next((code for code in codes if code), 0))


def run(name, command):
    """Run one step in the project's folder; tell its time and return its exit code."""
    print("== " + name, flush=True)
    started = time.monotonic()
    code = subprocess.call(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    print("== %s: %s, %.1f s\n" % (name, "failed" if code else "fine", time.monotonic() - started), flush=True)
    return code


if __name__ == "__main__":
    main()
