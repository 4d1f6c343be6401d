"""From the command line to the interpreter that has everything, and on to the verb."""

import os
import subprocess
import sys

from course_lib import places
from course_lib.bootstrap import arguments, requirements
from course_lib.bootstrap.environment import Environment
from course_lib.errors import CourseError

INTERRUPTED = "Interrupted. Start the same command again: it goes on where it can."
EXTRAS = {
    "test": ("lab", "test")
}  # what a verb needs besides the dependencies; the others: ("lab",)


def main(argv):
    """Run one command. Returns the exit status: 2 for what a user can mend, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a console that lacks a letter is no reason to stop
    options, _ = arguments.parse(argv)
    try:
        python = interpreter_for(options.verb)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\n" + INTERRUPTED, file=sys.stderr)
        return 130
    if _same(python, sys.executable):
        from course_lib.workbook import cli

        return cli.main(argv)
    # Not `-m course_lib`: the choice of the interpreter is made once.
    return hand_over([str(python), "-m", "course_lib.workbook.cli"] + argv, child_environment())


def interpreter_for(verb):
    """The Python to run a verb with: this one if it has everything, else the environment's.

    The environment is made or repaired first, except for ``doctor``, which looks at what is
    there. Raises CourseError.
    """
    here = sys.executable
    inside = _same(sys.prefix, str(places.environment_folder()))
    if not inside and requirements.satisfied(*EXTRAS.get(verb, ("lab",))):
        return here
    environment = Environment()
    if verb == "doctor":
        return environment.python if environment.is_ready() else here
    environment.make_ready(test=verb == "test")
    return here if inside else environment.python


def child_environment():
    """The variables of every Python that the course starts: it finds the library, and reads UTF-8."""
    path = [str(places.REPOSITORY)] + os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join(dict.fromkeys(filter(None, path)))
    return dict(os.environ, PYTHONPATH=path, PYTHONUTF8="1", HF_HUB_DISABLE_TELEMETRY="1")


def hand_over(command, environment, folder=None):
    """Let ``command`` take this process's place (on Windows: wait for it). Returns its exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        if folder is not None:
            os.chdir(str(folder))
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment, cwd=folder)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child has received it as well, and decides


def _same(first, second):
    return os.path.normcase(os.path.abspath(str(first))) == os.path.normcase(
        os.path.abspath(str(second))
    )
