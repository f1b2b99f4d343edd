"""What mitmproxy loads: `mitmdump -s addon/oai_vertex.py --mode reverse:http://127.0.0.1:9@127.0.0.1:7860`."""

import gc
import os
import sys

gc.disable()  # nothing of what is loaded now is garbage: to look for some would only make the start slower
try:
    from oai_bridge.addon import Bridge
    from oai_bridge.watching.commands import Commands
except (ImportError, SyntaxError) as error:  # a mitmproxy without our packages, or an old Python
    print(
        f"oai-vertex can't be loaded by this Python ({error}): start it with scripts/run.py, or use the mitmproxy that"
        " `pip install -e .` brings.",
        file=sys.stderr,
        flush=True,
    )
    sys.stdout.flush()
    os._exit(2)  # after an exception mitmproxy would serve, if only for a moment, as the open proxy it is by default
gc.enable()

bridge = Bridge()
addons = [bridge, Commands(bridge)]
