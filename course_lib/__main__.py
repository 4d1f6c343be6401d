"""``python3 -m course_lib VERB``: the only commands that a user needs. See ``--help``."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit(
            f"Python 3.11 or newer is needed and this is {sys.version.split()[0]}: install one "
            f"beside it, then start `python3.13 -m course_lib {' '.join(sys.argv[1:]) or 'lab'}`."
        )
    from course_lib.workbook import cli

    sys.exit(cli.main(sys.argv[1:]))
