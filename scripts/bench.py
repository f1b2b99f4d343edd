"""Measures how fast the program is. `bench.py micro`: the pure parts alone, in one process, medians of several rounds.
`bench.py proxies`: real processes by turns, the addon in mitmdump beside mitmdump that lets everything through, the
fake cloud itself and, with `--peers`, LiteLLM's proxy and Portkey's gateway. Nothing else should run meanwhile.

Run it with the environment of the tests: `.venv-dev/bin/python scripts/bench.py proxies`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from benching import micro, peers, programs
from benching.findings import Finding, table
from benching.measures import Measures
from benching.stage import Stage

QUICK = 0.25
"""How much of each job is done with --quick."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["micro", "proxies"])
    parser.add_argument("--rounds", type=int, help="without the one that warms up; 5, or 3 with --quick")
    parser.add_argument("--quick", action="store_true", help="a quarter of the work, in fewer rounds")
    parser.add_argument("--only", action="append", metavar="NAME", help="this measure; may be given several times")
    parser.add_argument("--peers", action="store_true", help="LiteLLM and Portkey, too, brought from the network")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rounds' figures go")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="where a picture goes")
    given = parser.parse_args()
    if given.what == "micro":
        micro.run()
        return
    others: Mapping[str, str] = peers.bring() if given.peers else {}
    began, load = time.monotonic(), os.getloadavg()
    rounds, share = (given.rounds or 3, QUICK) if given.quick else (given.rounds or 5, 1.0)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), rounds, share) as stage:
        try:
            findings = measured(Measures(stage, others), given.only)
        except programs.Broken as error:
            sys.exit(str(error))
    about = {
        "python": platform.python_version(),
        "mitmproxy": version("mitmproxy"),
        "cores": os.cpu_count(),
        "peers": others,
        "rounds": rounds,
        "load before": load,
        "load after": os.getloadavg(),
        "busiest": stage.busiest,
    }
    seconds = time.monotonic() - began
    print(f"\n{told(about, others)}; load average {load[0]:.1f} before; {seconds:.0f} s\n\n{table(findings)}")
    text = json.dumps({"about": about, "findings": [finding.to_json() for finding in findings]}, indent=1)
    if given.json:
        given.json.write_text(text + "\n", "utf-8")
    if given.plot:
        plot(text, given.plot)


def measured(measures: Measures, only: list[str] | None) -> list[Finding]:
    if unknown := set(only or ()) - set(measures.all):
        sys.exit(f"There is no {', '.join(sorted(unknown))}: choose from {', '.join(measures.all)}.")
    found = []
    for name, measure in measures.all.items():
        if not only or name in only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found += list(measure())
    return found


def told(about: Mapping[str, object], others: Mapping[str, str]) -> str:
    return (
        f"Python {about['python']}, mitmproxy {about['mitmproxy']}"
        + "".join(f", {name} {number}" for name, number in others.items())
        + f", {about['cores']} cores; medians of {about['rounds']} rounds; the load generator and the fake cloud took"
        f" {about['busiest']:.2f} cores at most"
    )


def plot(text: str, file: Path) -> None:
    """By matplotlib, which uv has in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        findings = Path(folder) / "findings.json"
        findings.write_text(text, "utf-8")
        uv = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--with", "matplotlib", "python"]
        subprocess.run([*uv, str(ROOT / "scripts" / "benching" / "plot.py"), str(findings), str(file)], check=True)


if __name__ == "__main__":
    main()
