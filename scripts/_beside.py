"""A virtual environment beside `.venv-dev`: some packages at other versions, all else as locked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _venv import SetupError, last_line, quietly, read

GROUPS = ("--extra", "socks", "--extra", "entra", "--extra", "otel", "--group", "dev")


class NotHereError(Exception):
    """It can't be had now, which is no defect of the project: the reason, for the user's eyes."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The folder, and what is other in it: `pins` such as `mitmproxy==12.1`, or without a version for the newest that
    fits, and `added` for packages that no lock file has."""

    folder: Path
    pins: Sequence[str]
    added: Sequence[str] = ()

    @property
    def python(self) -> Path:
        found = [self.folder / "Scripts" / "python.exe", self.folder / "bin" / "python"]
        return next((path for path in found if path.exists()), found[-1])

    @property
    def packages(self) -> Path:
        return self.folder / "packages.lock"

    @property
    def stamp(self) -> Path:
        return self.folder / "complete"

    @property
    def wanted(self) -> str:
        return "\n".join([*self.pins, *self.added, ""])


def prepare(beside: Beside, root: Path, python: str, environment: Mapping[str, str]) -> Path:
    """Its Python, with the newest of what may move. `python` is that of `.venv-dev`, which has uv.

    Where the network is missing, what was made before has to do. Raises NotHereError.
    """
    try:
        bring_up_to_date(beside, root, [python, "-m", "uv"], environment)
    except SetupError as error:
        if read(beside.stamp) != beside.wanted:
            raise NotHereError(f"{beside.folder.name} can't be made here: {error}") from None
        print(f"{beside.folder.name} stays as it was: {error}", flush=True)
    return beside.python


def bring_up_to_date(beside: Beside, root: Path, uv: Sequence[str], environment: Mapping[str, str]) -> None:
    """uv keeps to the versions that stand in its output file, as long as they fit: that file begins as our lock."""
    if not beside.python.exists():
        run([*uv, "venv", "--quiet", "--allow-existing", "--python", uv[0], str(beside.folder)], root, environment)
    planned, pins, added = (beside.folder / name for name in ("planned.lock", "pins.txt", "added.in"))
    shutil.copy(root / "requirements-dev.lock", planned)
    pins.write_text("\n".join(beside.pins) + "\n", "utf-8")
    added.write_text("\n".join(beside.added) + "\n", "utf-8")
    names = [pin.partition("==")[0] for pin in beside.pins]
    moving = [word for name in names for word in ("--upgrade-package", name)]
    plan = ["pip", "compile", "--quiet", "--python", uv[0], "--generate-hashes", "--no-annotate", *GROUPS, *moving]
    given = ["pyproject.toml", str(added), "--constraint", str(pins), "--output-file", str(planned)]
    run([*uv, *plan, *given], root, environment)
    if planned.read_bytes() != (beside.packages.read_bytes() if beside.packages.exists() else b""):
        beside.stamp.unlink(missing_ok=True)
        install = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(beside.python), str(planned)]
        run([*uv, *install], root, environment)
        planned.replace(beside.packages)
    beside.stamp.write_text(beside.wanted, "utf-8")


def run(command: list[str], root: Path, environment: Mapping[str, str]) -> None:
    ended = quietly(command, environment, root)
    if ended.returncode != 0:
        raise SetupError(last_line(ended.stdout))
