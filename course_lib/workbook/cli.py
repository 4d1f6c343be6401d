"""The verbs. Their options are read first, then the Python that has what they need is found.

All of this, and ``doctor``, needs only the standard library: it runs before the installation.
"""

import argparse
import sys

from course_lib import bootstrap
from course_lib.errors import CourseError
from course_lib.workbook import lab, machine, testing
from course_lib.workbook.settings import PROFILES


def parser() -> argparse.ArgumentParser:
    """The parser for ``python3 -m course_lib``."""
    top = argparse.ArgumentParser(
        prog="python3 -m course_lib",
        description="ChatGPT from scratch: a workbook. `lab` opens it, `test` tests all of it.",
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    lab = verbs.add_parser("lab", help="open the notebooks in JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="print the address only")
    lab.add_argument("--port", type=int, default=8888, help="0: any; taken: the next free one")
    lab.add_argument("--ip", default="127.0.0.1", help="default: for this computer only")

    test = verbs.add_parser("test", allow_abbrev=False, help="all of it; other options: pytest's")
    test.add_argument("--quick", action="store_true", help="without the notebooks")
    test.add_argument("--thorough", action="store_true", help="long tests, other versions, too")

    run = verbs.add_parser("run", help="execute notebooks into an HTML book")
    run.add_argument("--profile", choices=PROFILES, help="smoke: the fewest steps")
    run.add_argument("--out", metavar="DIR", help="where the book goes (executed/DATE)")

    serve = verbs.add_parser("serve", help="the assistant behind OpenAI's interface; a chat page")
    serve.add_argument("--model", help="as smollm2, a folder or owner/model (an adapter's own)")
    serve.add_argument("--adapter", metavar="PATH", help="an adapter's folder, or its zip")
    serve.add_argument("--host", default="127.0.0.1", help="another than this computer needs keys")
    serve.add_argument("--port", type=int, default=8000, help="0: any free one")
    serve.add_argument("--api-key-file", metavar="FILE", help="who may ask: one key a line")
    serve.add_argument("--log-contents", action="store_true", help="texts, too, masked")

    verbs.add_parser("doctor", help="what works on this machine, what does not, what to do")

    pack = verbs.add_parser("pack", help="for teachers: a folder for a room without a network")
    some = {"dest": "systems", "default": "windows,macos-arm64,linux", "metavar": "SYSTEMS"}
    pack.add_argument("--for", help="with commas between them (%(default)s)", **some)
    pack.add_argument("--python", default="3.11-3.13", help="one, or from-to (%(default)s)")
    pack.add_argument("--to", metavar="DIR", help="a new folder, or one to go on with")
    pack.add_argument("--yes", action="store_true", help="do not ask when the size is told")

    notebooks = verbs.add_parser("notebooks", help="for maintainers: execute, normalise, check")
    what = notebooks.add_mutually_exclusive_group(required=True)
    what.add_argument("--execute", action="store_true", help="in place, on the built-in corpus")
    what.add_argument("--normalise", action="store_true", help="stable ids, no paths, no timings")
    what.add_argument("--check", action="store_true", help="the anatomy of every notebook")
    slides = verbs.add_parser("slides", help="for teachers: decks, handouts, the quiz's pages")
    slides.add_argument("--pdf", action="store_true", help="each deck as a PDF, too (Chromium)")
    slides.add_argument("--handout", action="store_true", help="slides with notes, as a PDF")
    slides.add_argument("--learners", action="store_true", help="without the notes")
    for verb in (run, notebooks, slides):
        verb.add_argument("names", nargs="*", metavar="NAME", help="as 00_start_here or 00 (all)")
    for verb in (lab, run):
        verb.add_argument("--corpus", help="a built-in corpus, a file or folder, or hub:NAME")
    return top


def main(argv: list[str]) -> int:
    """Run one command. Returns the exit status: 2 for what the user can mend, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter goes on
    options, rest = parser().parse_known_args(argv)
    if rest and options.verb != "test":
        parser().error(f"{options.verb} does not know {' '.join(rest)}")
    try:
        python = bootstrap.interpreter_for(options.verb)
        if python != sys.executable:
            command = [python, "-m", "course_lib", *argv]
            return bootstrap.hand_over(command, bootstrap.child_environment())
        return run(options, rest)
    except (CourseError, OSError) as error:
        cure = ": set COURSE_HOME to a folder of your own."
        print(error, cure if isinstance(error, OSError) else "", sep="", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted: start the same command again.", file=sys.stderr)
        return 130


def run(options: argparse.Namespace, rest: list[str]) -> int:
    """The verb itself; ``rest`` holds the words that are pytest's."""
    if options.verb == "lab":
        return lab.start(options.port, options.ip, not options.no_browser, options.corpus)
    if options.verb == "test":
        return testing.run_tests(rest, quick=options.quick, thorough=options.thorough)
    if options.verb == "doctor":
        return machine.doctor()
    if options.verb in ("notebooks", "slides", "pack"):
        from tools import notebooks, pack, slides  # not the learners', and beside the library

        return {"notebooks": notebooks, "slides": slides, "pack": pack}[options.verb].main(options)
    if options.verb == "serve":
        from course_lib.serving.server import start

        chosen = options.model, options.adapter, options.host, options.port, options.api_key_file
        return start(*chosen, options.log_contents)
    from course_lib.workbook.run import run_notebooks

    return run_notebooks(options.names, options.corpus, options.profile, options.out)
