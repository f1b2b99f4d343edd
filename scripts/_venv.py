"""A folder of locked dependencies beside the project: made once, made again when its lock or its Python changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = "unfinished"
PROXY_NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


class SetupError(Exception):
    """What went wrong and what to do about it, for the user's eyes."""


@dataclass(frozen=True, slots=True)
class Venv:
    """The folder, the lock file that says what is in it, and the stamp that says it is complete."""

    folder: Path
    lock: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / "oai-vertex.stamp"


def prepare_or_exit(folder: str, lock: str) -> str:
    """The Python of the complete `folder`, as `prepare` makes it; else say why there is none, and exit."""
    venv = Venv(Path(folder), Path(lock))
    dotenv = read(Path(".env")) or read(venv.folder.parent / ".env")
    try:
        return str(prepare(venv, with_proxies(os.environ, dotenv)))
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def prepare(venv: Venv, environment: Mapping[str, str]) -> Path:
    """The Python of a complete `venv`, which is made first where needed. Network is used only then.

    `environment` is what pip gets: proxies and the like. Raises SetupError.
    """
    try:
        if is_complete(venv):
            return venv.python
        with only_one(venv):
            if not is_complete(venv):  # another start may just have made it
                make(venv, environment)
        return venv.python
    except OSError as error:
        if not os.access(venv.folder.parent, os.W_OK):
            raise SetupError(
                f"{venv.folder.parent} can't be written to: put this project into a folder of your own, then start"
                " again."
            ) from None
        raise SetupError(
            f"{venv.folder.name} can't be set up ({error}): stop what still runs in it, delete it and start again."
        ) from None


def is_complete(venv: Venv) -> bool:
    """Whether the stamp stands for this lock and for the Python that is really there."""
    return read(venv.stamp) == stamp_text(venv)


def stamp_text(venv: Venv) -> str:
    """The version that the folder's Python tells and the lock's SHA-256."""
    return f"{version_inside(venv)} {hashlib.sha256(venv.lock.read_bytes()).hexdigest()}"


def version_inside(venv: Venv) -> str:
    """Such as "3.12"; "" for a folder without a Python that starts and has pip."""
    asked = [str(venv.python), "-I", "-c", "import sys, pip; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(asked, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:
        return ""
    return answer.stdout.strip()


def make(venv: Venv, environment: Mapping[str, str]) -> None:
    """Bring the folder up to date. Killed while it makes a new one, it leaves that marked as unfinished."""
    print(f"Setting up {venv.folder.name}: only this once, about a minute ...", file=sys.stderr, flush=True)
    if not can_take_packages(venv):
        remove(venv)
        venv.folder.mkdir()
        venv.stamp.write_text(UNFINISHED, encoding="utf-8")
        create(venv, sys._base_executable)  # type: ignore[attr-defined]  # sys.executable may lie in the removed folder
    install(venv, environment)
    venv.stamp.write_text(stamp_text(venv), encoding="utf-8")


def can_take_packages(venv: Venv) -> bool:
    """Whether the folder, ours or one that its user made, only lacks packages, and so isn't made anew."""
    version, stamped = version_inside(venv), read(venv.stamp)
    if not version or (stamped and stamped.split()[0] != version):
        return False
    return tuple(int(part) for part in version.split(".")) >= (3, 12)


def remove(venv: Venv) -> None:
    """Delete an older folder, but nothing that doesn't look like a virtual environment."""
    if not venv.folder.exists():
        return
    if any(venv.folder.iterdir()) and not venv.stamp.exists() and not (venv.folder / "pyvenv.cfg").exists():
        raise SetupError(f"{venv.folder.name} is no virtual environment: move it elsewhere, then start again.")
    shutil.rmtree(venv.folder)


def create(venv: Venv, python: str) -> None:
    """Make the bare virtual environment with `python`."""
    ended = quietly([python, "-I", "-m", "venv", str(venv.folder)], os.environ)
    if ended.returncode == 0:
        return
    if "ensurepip" in ended.stdout or "No module named venv" in ended.stdout:
        raise SetupError(
            "This Python comes without its venv module: apt install python3-venv (or your system's package of that"
            " name), then start again."
        )
    raise SetupError(f"Python can't make a virtual environment: {last_line(ended.stdout)}")


def install(venv: Venv, environment: Mapping[str, str]) -> None:
    """Install exactly what the lock lists, each file checked against its hash."""
    pip = [str(venv.python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    ended = quietly([*pip, "--no-deps", "--require-hashes", "--requirement", str(venv.lock)], environment)
    if "407 Proxy Authentication" in ended.stdout:
        raise SetupError(
            "The proxy on the way to the packages asks for a login: set HTTPS_PROXY=http://user:password@host:port in"
            " the environment or in .env, and start again."
        )
    if ended.returncode != 0:
        raise SetupError(
            f"The packages of {venv.lock.name} can't be installed, which come from the network, this once: check the"
            " connection, set HTTPS_PROXY in the environment or in .env if it needs a proxy (http://..., for pip speaks"
            f" no SOCKS), and start again. pip says: {last_line(ended.stdout)}"
        )


def quietly(
    command: list[str], environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `command`, in `folder`; what it says on either channel is in `stdout`."""
    return subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def last_line(output: str) -> str:
    """The last line that says something, without the password of a proxy's URL."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no reason was given"]
    return re.sub(r"//[^/@\s]*@", "//***@", lines[-1])


def with_proxies(environment: Mapping[str, str], dotenv: str) -> dict[str, str]:
    """`environment`, and of the text of a `.env` file the proxy settings that it lacks in either case.

    SOCKS proxies, which pip doesn't speak, are left out.
    """
    settings = dict(environment)
    known = {name.upper() for name in environment}
    for line in dotenv.removeprefix("\ufeff").splitlines():
        name, _, value = (part.strip() for part in line.strip().removeprefix("export ").partition("="))
        value = value.strip("\"'")
        if name.upper() in PROXY_NAMES and name.upper() not in known and not value.startswith("socks"):
            settings[name] = value
    return settings


def read(file: Path) -> str:
    """The text of a file, in UTF-8 or as Windows' editors mark it; "" when there is none."""
    try:
        data = file.read_bytes()
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


@contextmanager
def only_one(venv: Venv) -> Iterator[None]:
    """Keep a second start from the folder while the first makes it. The system lets go when the process ends."""
    with open(f"{venv.folder}.lock", "w", encoding="utf-8") as handle:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(
                f"Another start is setting up {venv.folder.name}: wait for it, then start again."
            ) from None
        yield
