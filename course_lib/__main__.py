"""``python3 -m course_lib VERB``: the only commands that a user needs. See ``--help``."""

import os
import subprocess
import sys

OLDEST = (3, 11)


def too_old():
    """One sentence with the cure when this Python is too old, else ""."""
    if sys.version_info >= OLDEST:
        return ""
    newer = [
        name for name in ("python3.13", "python3.12", "python3.11", "python3.14") if starts(name)
    ]
    cure = (
        "this computer has one, start"
        if newer
        else "install one from python.org beside it and start"
    )
    return "Python 3.11 or newer is needed and this is {}.{}: {} `{} -m course_lib {}`.".format(
        sys.version_info[0],
        sys.version_info[1],
        cure,
        (newer or ["python3.13"])[0],
        " ".join(sys.argv[1:]) or "lab",
    )


def starts(name):
    """True when a program of this name is there and really is a Python (a shim of pyenv may not be)."""
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([name, "-c", ""], stdout=nowhere, stderr=nowhere) == 0
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    if too_old():
        sys.exit(too_old())
    from course_lib.bootstrap.main import main

    sys.exit(main(sys.argv[1:]))
