"""ChatGPT from scratch: the helper library of the workbook.

Importing it needs nothing but the standard library: the first command of the README does so
before anything is installed.
"""

__version__ = "0.1.0"


def start(notebook):
    """Set a notebook up: threads, device, profile, seed, corpus. Returns the ``Session``."""
    from course_lib.workbook.session import start as start_session

    return start_session(notebook)


def install_missing():
    """Install the packages that this interpreter lacks, and only those; torch is left alone."""
    from course_lib.bootstrap.missing import install_missing as install

    install()
