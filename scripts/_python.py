"""Carry on in a Python that is new enough. Old Pythons run this file, so it is written for 2.7 and every 3."""

import os
import signal
import subprocess
import sys

WANTED = (3, 12)
PLATFORM = "windows" if os.name == "nt" else "macos" if sys.platform == "darwin" else "linux"

HOW_TO_GET_ONE = {
    "windows": "winget install Python.Python.3.13",
    "macos": "brew install python@3.13",
    "linux": "your system's python3.12 package (and python3.12-venv on Debian and Ubuntu), or uv python install 3.12",
}


def ensure(script, venv):
    """Return when this Python is new enough; else become one that is, running `script` with the same arguments.

    `venv` is the virtual environment that an earlier start may have made: its Python is the first choice.
    """
    if sys.version_info >= WANTED:
        return
    made = [os.path.join(venv, *(["Scripts", "python.exe"] if PLATFORM == "windows" else ["bin", "python"]))]
    command = find([made] + candidates(PLATFORM, os.environ, folder_names), version_of) or found_by_uv()
    if command is None:
        sys.exit(
            "This needs Python 3.12 or newer, and none was found (this one is %d.%d): get it with %s, then run the same"
            " command again." % (sys.version_info[0], sys.version_info[1], HOW_TO_GET_ONE[PLATFORM])
        )
    become(command + [os.path.abspath(script)] + sys.argv[1:], os.environ)


def candidates(platform, environment, names_in):
    """Commands that may start a new enough Python, best first.

    `platform` is "windows", "macos" or "linux"; `names_in(folder)` gives the names in a folder, none when there is no
    such folder. A command may fail, or start an old Python: pyenv's shims do when another version is chosen.
    """
    found = []
    if platform == "windows":
        found += [["py", "-3.13"], ["py", "-3.12"], ["py", "-3.14"]]
        pyenv = os.path.join(environment.get("USERPROFILE", ""), ".pyenv", "pyenv-win")
        inside = ["python.exe"]
    else:
        pyenv = os.path.join(environment.get("HOME", ""), ".pyenv")
        inside = ["bin", "python"]
    found += [["python3.13"], ["python3.12"], ["python3.14"], ["python3"], ["python"]]
    versions = os.path.join(environment.get("PYENV_ROOT") or pyenv, "versions")
    for name in sorted(names_in(versions), reverse=True):
        if name.startswith("3.") and name[2:4].isdigit() and int(name[2:4]) >= WANTED[1]:
            found.append([os.path.join(versions, name, *inside)])
    return found


def folder_names(folder):
    """The names in `folder`; none when there is no such folder."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def find(commands, version):
    """The first of `commands` that starts a new enough Python, or None. `version(command)` is as of `version_of`."""
    for command in commands:
        if version(command) >= WANTED:
            return command
    return None


def version_of(command):
    """(major, minor) of the Python that `command` starts; () when it starts none."""
    answer = said_by(command + ["-I", "-c", "import sys; print('%d %d' % sys.version_info[:2])"])
    try:
        return tuple(int(part) for part in answer.split())
    except ValueError:
        return ()


def found_by_uv():
    """The command for a Python that uv knows of, or None."""
    path = said_by(["uv", "python", "find", "--system", ">=3.12"]).strip()
    return [path] if path and version_of([path]) >= WANTED else None


def said_by(command):
    """What `command` prints; "" when it can't be run or fails."""
    try:
        with open(os.devnull, "r+b") as nothing:
            return subprocess.check_output(command, stdin=nothing, stderr=nothing, universal_newlines=True)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ""


def become(command, environment, replace=os.name == "posix"):
    """Go on as `command`, and never return.

    Without `replace`, for Windows, where a replaced process would hand the console back at once: run it and leave with
    its exit code. Ctrl-C reaches both; the child alone decides what it means.
    """
    if replace:
        os.execvpe(command[0], command, environment)
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.exit(subprocess.call(command, env=environment))
