"""From the command line to the ready environment, and on to the verb."""
import os
import subprocess
import sys

from course_lib.bootstrap import arguments, environment, places, requirements
from course_lib.bootstrap.install import SetupError

INTERRUPTED = "Interrupted. Start the same command again: it goes on where it can."


def main(argv):
    """Run one command. Returns the exit status."""
    options, _ = arguments.parse(argv)
    try:
        return _run(options.verb, argv)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\n" + INTERRUPTED, file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno == 28:
            cure = "free about 4 GB, or set COURSE_HOME to a folder on another disk, and start again."
            print("The disk is full: " + cure, file=sys.stderr)
            return 2
        raise


def _run(verb, argv):
    """Here if this interpreter has everything (conda, Colab, the environment itself), else there."""
    test = verb == "test"
    if verb == "doctor":
        folder = places.environment_folder()
        python = environment.python_of(folder) if environment.is_ready(folder, False) else sys.executable
        return _here(argv) if _same(python) else _there(python, argv)
    if not requirements.unmet(("lab", "test") if test else ("lab",)):
        return _here(argv)
    return _there(environment.ready_environment(test), argv)


def _same(python):
    return os.path.abspath(str(python)) == os.path.abspath(sys.executable)


def _here(argv):
    from course_lib.workbook.cli import main as run_verb

    return run_verb(argv)


def _there(python, argv):
    """The same command in the course's environment."""
    path = os.pathsep.join(filter(None, [str(places.REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    changed = dict(os.environ, PYTHONPATH=path, PYTHONUTF8="1")
    command = [str(python), "-m", "course_lib"] + argv
    sys.stdout.flush()
    if os.name == "nt":
        return subprocess.call(command, env=changed)
    os.execve(command[0], command, changed)
    return 0  # not reached: execve replaces this process
