"""``python3 -m course_lib VERB``: the only commands that a user needs. See ``--help``."""
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Python 3.11 or newer is needed, and this is {}.{}: install a newer one beside it and start "
        "the command with that, for example `python3.12 -m course_lib lab`.".format(*sys.version_info[:2])
    )

from course_lib.bootstrap.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
