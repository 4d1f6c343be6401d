"""What can stop an installation before pip does: a Python without venv, another start, the file system."""

import contextlib
import errno
import os
import sys

from course_lib.bootstrap import pip_run
from course_lib.errors import CourseError


def has_venv():
    """True when this Python can make environments. Debian's bare one lacks ensurepip, or venv too."""
    try:
        import venv  # noqa: F401
        from ensurepip import version  # noqa: F401
    except ImportError:
        return False
    return True


def no_venv():
    """What to do where ``has_venv`` is False: one sentence."""
    if os.path.exists("/etc/debian_version"):
        cure = "run `sudo apt install python3-venv`, then the same command again"
    else:
        cure = "install your system's package for it, or Python from python.org, then start the same command again"
    return "This Python ({}) has no venv: {}.".format(sys.executable, cure)


def try_lock(stream, wait):
    """Lock an open file for this process and those that inherit it; False when another one has it."""
    try:
        if os.name == "nt":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network folders cannot lock at all: then everyone goes on.
        return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
    return True


@contextlib.contextmanager
def translated_errors(folder):
    """An OSError of the file system as one sentence."""
    try:
        yield
    except OSError as error:
        for pattern, sentence in pip_run.CAUSES:
            if error.errno in (errno.ENOSPC, errno.EDQUOT) and "No space" in pattern:
                raise CourseError(sentence) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and "denied" in pattern:
                raise CourseError(sentence) from error
        raise CourseError(
            "The environment could not be made in {} ({}): set COURSE_HOME to a folder on another disk, then "
            "start the same command again.".format(folder, error)
        ) from error
