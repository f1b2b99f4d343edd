"""What processes use, as Linux tells it: the processor's time and the memory of one and all below it."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(root: int) -> list[int]:
    """The ids of a process and of all below it."""
    parents = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [root]
    for one in found:
        found += [pid for pid, fields in parents.items() if fields and int(fields[1]) == one]
    return found


def cpu(root: int) -> float:
    """Seconds of the processor so far, of children that have ended, too."""
    return sum(sum(map(int, fields[11:15])) for pid in tree(root) if (fields := _stat(pid))) / TICKS


def memory(root: int) -> float:
    """Resident memory now, in MB (of 1,000,000 bytes)."""
    return sum(int(fields[21]) for pid in tree(root) if (fields := _stat(pid))) * PAGE / 1e6


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
