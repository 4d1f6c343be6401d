"""The verbs, run by the interpreter that has what they need.

``python3 -m course_lib`` finds or makes that interpreter first (``course_lib.bootstrap``).
Verbs are imported when they are asked for: ``doctor`` must work with the standard library.
"""

import argparse
import os
import sys

from course_lib.bootstrap import arguments
from course_lib.errors import CourseError

INTERRUPTED = "Interrupted."


def main(argv: list[str]) -> int:
    """Run one verb. Returns the exit status: 2 for what the user can mend, 130 after Ctrl-C."""
    options, rest = arguments.parse(argv)
    try:
        return run(options, rest)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `… doctor | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def run(options: argparse.Namespace, rest: list[str]) -> int:
    """The verb itself; ``rest`` holds the words that are pytest's."""
    if options.verb == "lab":
        from course_lib.workbook import lab

        return lab.start(
            port=options.port, ip=options.ip, browser=not options.no_browser, corpus=options.corpus
        )
    if options.verb == "test":
        from course_lib.workbook import testing

        return testing.run_tests(rest, quick=options.quick, thorough=options.thorough)
    if options.verb == "run":
        from course_lib.workbook import run as book

        return book.run_notebooks(
            options.names, corpus=options.corpus, profile=options.profile, out=options.out
        )
    if options.verb == "doctor":
        from course_lib.workbook import doctor

        return doctor.main()
    from tools import notebooks  # the maintainers', beside the library

    return notebooks.main(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
