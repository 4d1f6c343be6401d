"""The set-up cell, the same in every notebook but for its name, and the sentence about Colab."""

import re
import tomllib

from course_lib.places import REPOSITORY

TEMPLATE = """\
# Set-up: the same lines in every notebook. They find the course's library, or fetch it (Colab).
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("course_lib") is None:
    folder = ".." if os.path.isdir("../course_lib") else "course_files"
    if not os.path.isdir(folder):
        address = os.environ.get("COURSE_REPO") or "{address}"
        if not address:
            raise SystemExit("{no_address}")
        if subprocess.call(["git", "clone", "-q", "--depth=1", address, folder]):
            raise SystemExit(f"{{address}} could not be cloned: check it, then run this cell again.")
    sys.path.insert(0, os.path.abspath(folder))
    importlib.import_module("course_lib").install_missing()

import course_lib

course = course_lib.start("{name}")"""

NO_ADDRESS = "The course has no public address yet: set the variable COURSE_REPO to one first."
BADGE_BEGIN = "**Colab.**"
_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def repository_address() -> str:
    """The address of the repository in ``pyproject.toml``; "" while there is none."""
    content = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return str(content["tool"]["course"]["repository"]).strip()


def setup_cell(name: str) -> str:
    """The source of the set-up cell of notebook ``name``."""
    return TEMPLATE.format(name=name, address=repository_address(), no_address=NO_ADDRESS)


def colab_badge(name: str) -> str:
    """One line of Markdown for the title cell: a plain link to Colab, or why there is none.

    No picture: a badge would be fetched from somewhere else each time the notebook is opened.
    """
    address = repository_address()
    if not address:
        return (
            f"{BADGE_BEGIN} No public address of this course is known yet: "
            "to use it there, set `COURSE_REPO` first, as the README says."
        )
    found = _GITHUB.fullmatch(address)
    if not found:
        return f"{BADGE_BEGIN} Upload this file there; its set-up cell fetches the rest from {address}."
    link = f"https://colab.research.google.com/github/{found[1]}/blob/main/notebooks/{name}.ipynb"
    return f"{BADGE_BEGIN} [Open this notebook in Google Colab]({link})."
