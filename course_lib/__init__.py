"""ChatGPT from scratch: the helper library of the workbook.

This file, ``__main__``, ``bootstrap``, ``errors`` and ``places`` need only the standard library
and parse under Python 3.8: the first command starts before anything is installed.
"""

from course_lib.bootstrap import install_missing  # noqa: F401
from course_lib.places import VERSION as __version__  # noqa: F401


def start(notebook):
    """Set a notebook up: threads, device, profile, seed, corpus. Returns the ``Session``."""
    from course_lib.workbook import session

    return session.start(notebook)
