"""Start oai-vertex: set up `.venv` where that is needed, then run the proxy in it. Any Python can run this file."""

import os
import sys

import _python

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")


def main():
    """Find a new enough Python, complete `.venv`, become `oai-vertex` in it with the same arguments."""
    _python.ensure(__file__, VENV)
    import _venv

    python = _venv.prepare_or_exit(VENV, os.path.join(ROOT, "requirements.lock"))
    environment = dict(os.environ, PYTHONPATH=os.path.join(ROOT, "addon"))
    # -P keeps the folder that this is started in from being searched for modules.
    _python.become([python, "-P", "-m", "oai_bridge.cli"] + sys.argv[1:], environment)


if __name__ == "__main__":
    main()
