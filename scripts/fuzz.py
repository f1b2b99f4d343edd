"""Fuzzes with coverage for a guide: `fuzz.py --list`, `fuzz.py claude_stream --minutes 1`, `fuzz.py all --minutes 10`.

The targets are those of the tests (tests/support/fuzz_targets.py), and so is what is kept: inputs that reach something
new go to .fuzz/found/<target>, those of a crash to .fuzz/crashes; `--keep` copies the smallest of them to tests/corpus,
which every run of the tests reads. atheris is put below .fuzz/ when it is first needed. Run it with
the environment of the tests: `.venv-dev/bin/python scripts/fuzz.py all`.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

if "--inside" in sys.argv:  # what is imported under atheris's eyes is measured
    import atheris  # type: ignore[import-not-found]  # only here, in a process with its folder

    with atheris.instrument_imports(include=["oai_bridge"]):
        from tests.support.fuzz_targets import CORPUS, targets

        targets()
else:
    from tests.support.fuzz_targets import CORPUS, targets

FOLDER = ROOT / ".fuzz"
PACKAGES = FOLDER / f"packages-{sys.version_info[0]}.{sys.version_info[1]}"
ATHERIS = "atheris==3.1.0"
LONGEST = 6000  # bytes of an input
KEPT = 5000  # bytes of the corpus of one target: some 300 kB for all


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", choices=["all", *targets()], metavar="target", help="or all; see --list")
    parser.add_argument("--list", action="store_true", help="show the targets")
    parser.add_argument("--minutes", type=float, default=1, help="for all targets together (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="put what was found into tests/corpus afterwards")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(given)
    if asked.list or asked.target is None:
        print(*targets(), sep="\n")
    elif asked.inside:
        inside(asked.target, asked.minutes * 60)
    else:
        names = list(targets()) if asked.target == "all" else [asked.target]
        prepare()
        crashed = [name for name in names if not fuzz(name, asked.minutes / len(names), asked.keep)]
        if crashed:
            sys.exit(f"A defect was found in {', '.join(crashed)}: its input is in {FOLDER.name}/crashes.")


def prepare() -> None:
    """atheris, in a folder of its own."""
    if (PACKAGES / "atheris").is_dir():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    if subprocess.run([*pip, "--target", str(PACKAGES), ATHERIS], check=False).returncode != 0:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"{ATHERIS} can't be installed for Python {version}: use one that it has a wheel for, such as 3.12.")


def fuzz(name: str, minutes: float, keep: bool) -> bool:
    """Whether a target stood firm."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    command = [sys.executable, str(Path(__file__).resolve()), name, "--inside", "--minutes", str(minutes)]
    print(f"{name}: {minutes * 60:.0f} s", flush=True)
    firm = subprocess.run(command, check=False, env=environment, cwd=ROOT).returncode == 0
    if keep:
        store(name)
    return firm


def store(name: str) -> None:
    """The smallest inputs that are no golden ones, of what was kept before and what was found, as far as there is room;
    libFuzzer has kept no two that reach the same, and has made them small. Those of former crashes stay beside them."""
    kept = CORPUS / name
    before = [file for file in kept.glob("*") if not file.name.startswith("crash-")]
    files = [*before, *(FOLDER / "found" / name).glob("*")]
    inputs = sorted({file.read_bytes(): file.name[:12] for file in files}.items(), key=lambda each: len(each[0]))
    for file in before:
        file.unlink()
    golden, room = set(targets()[name].seeds()), KEPT
    for data, file in inputs:
        room -= len(data)
        if data and data not in golden and room >= 0:
            kept.mkdir(parents=True, exist_ok=True)
            (kept / file).write_bytes(data)


def inside(name: str, seconds: float) -> None:
    """In a process that has atheris."""
    target = targets()[name]
    check, mutator = target.check, target.mutator()

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        dice = random.Random(seed)
        hurt = mutator.hurt(data, dice) if dice.random() < 0.7 else atheris.Mutate(data, limit)
        return hurt[:limit]

    found, golden = FOLDER / "found" / name, FOLDER / "golden" / name
    for folder in (found, golden, FOLDER / "crashes"):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (golden / str(number)).write_bytes(seed)
    folders = [str(folder) for folder in (found, golden, CORPUS / name) if folder.is_dir()]
    options = [f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=2000", f"-artifact_prefix={FOLDER}/crashes/{name}-"]
    total = [f"-max_total_time={max(1, round(seconds))}", "-print_final_stats=1", "-reduce_inputs=1"]
    atheris.Setup([sys.argv[0], *total, *options, *folders], check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
