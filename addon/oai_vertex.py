"""What mitmproxy loads: `mitmdump -s addon/oai_vertex.py --mode reverse:http://127.0.0.1:9@127.0.0.1:7860`."""

from oai_bridge.addon import Bridge
from oai_bridge.watching.commands import Commands

bridge = Bridge()
addons = [bridge, Commands(bridge)]
