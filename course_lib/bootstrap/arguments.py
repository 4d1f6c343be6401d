"""The verbs and their options. Read before anything is installed, so that a typing error costs no time."""

import argparse

PROFILES = ("cpu", "gpu", "smoke")


def parser():
    """The parser for ``python3 -m course_lib``."""
    top = argparse.ArgumentParser(
        prog="python3 -m course_lib",
        description="ChatGPT from scratch: a workbook. `lab` opens it, `test` runs every test and notebook.",
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    lab = verbs.add_parser(
        "lab", help="open the notebooks in JupyterLab (makes the environment first)"
    )
    lab.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    lab.add_argument("--port", type=int, default=8888, help="0: any free one (default 8888)")
    lab.add_argument(
        "--ip", default="127.0.0.1", help="address to listen on (default: this computer only)"
    )
    lab.add_argument(
        "--corpus", help="a built-in corpus, a file or folder, or hub:NAME; kept as the choice"
    )

    test = verbs.add_parser(
        "test",
        help="run every test and every notebook; further options go to pytest",
        allow_abbrev=False,
    )
    test.add_argument("--quick", action="store_true", help="leave the notebooks out")
    test.add_argument(
        "--thorough", action="store_true", help="long tests too, and other package versions"
    )

    run = verbs.add_parser("run", help="execute notebooks headless, into an HTML book")
    run.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="notebooks (default: all), as in 00_start_here or 00",
    )
    run.add_argument("--corpus", help="a built-in corpus, a file or folder, or hub:NAME")
    run.add_argument(
        "--profile", choices=PROFILES, help="settings by machine; smoke: the fewest steps"
    )
    run.add_argument("--out", metavar="DIR", help="where the book goes (default: executed/DATE)")

    verbs.add_parser("doctor", help="what works on this machine, what does not, and what to do")

    notebooks = verbs.add_parser("notebooks", help="for maintainers: execute, normalise, check")
    notebooks.add_argument("names", nargs="*", metavar="NAME", help="notebooks (default: all)")
    what = notebooks.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--execute", action="store_true", help="run on the built-in corpus, in place, and normalise"
    )
    what.add_argument(
        "--normalise",
        action="store_true",
        help="stable ids and counts, no paths, timings or widgets",
    )
    what.add_argument("--check", action="store_true", help="the anatomy of every notebook")
    return top


def parse(argv):
    """The options, and for ``test`` the words that are pytest's. Exits with 2 on a typing error."""
    options, rest = parser().parse_known_args(argv)
    if rest and options.verb != "test":
        parser().error("{} does not know {}".format(options.verb, " ".join(rest)))
    return options, rest
