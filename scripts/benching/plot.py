"""Draws what was measured: `plot.py FINDINGS.json FILE.png`. It needs matplotlib, which bench.py brings by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLOURS = {
    "ours": "#2563eb",
    "floor": "#94a3b8",
    "direct": "#cbd5e1",
    "LiteLLM": "#f59e0b",
    "Portkey": "#10b981",
}
NAMES = {"ours": "oai-vertex", "floor": "mitmdump, passing through", "direct": "no proxy"}
SHOWN = {
    "requests, kept connections": "requests per second",
    "chunks as fast as they go": "chunks per second",
    "one stream: time to its first chunk": "ms to the first chunk",
    "CPU per chunk: SSE, paced": "µs of CPU per chunk, paced",
}


def draw(findings: list[dict[str, Any]], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    found = {finding["name"]: finding["medians"] for finding in findings}
    names = [name for name in SHOWN if name in found]
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.2 * len(names), 2.9), squeeze=False)
    for name, axis in zip(names, axes[0], strict=True):
        programs = [program for program in COLOURS if program in found[name] and program != "direct"]
        values = [found[name][program] for program in programs]
        bars = axis.bar(range(len(programs)), values, color=[COLOURS[program] for program in programs], width=0.7)
        axis.bar_label(bars, labels=[shown(value) for value in values], fontsize=9, padding=2)
        axis.set_title(SHOWN[name], fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_ylim(0, max(values) * 1.15)
        axis.spines[["top", "right", "left"]].set_visible(False)
    present = [program for program in COLOURS if any(program in found[name] for name in names) and program != "direct"]
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=COLOURS[program]) for program in present]
    labels = [NAMES.get(program, program) for program in present]
    figure.legend(handles, labels, loc="lower center", ncols=len(present), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.savefig(file, dpi=110)


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8"))["findings"], Path(sys.argv[2]))
