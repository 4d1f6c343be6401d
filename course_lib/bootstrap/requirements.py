"""What the course needs, read from pyproject.toml and the locks with the standard library alone.

``packaging`` is not there yet when this is asked. The few forms of requirement that our own
files use are enough: ``name>=1.2,<3 ; marker``.
"""

import hashlib
import os
import platform
import re
import sys
from importlib import metadata

from course_lib.places import REPOSITORY

BASE_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
# Without these everything but one comparison works, and some platforms have no wheel of them.
OPTIONAL = ("bitsandbytes",)


class Requirement:
    """One line: ``name``, the version ``bounds`` as (operator, version), and the ``marker``."""

    def __init__(self, line):
        text, _, marker = line.partition(";")
        match = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(.*)", text)
        if match is None:
            raise ValueError("no requirement: {!r}".format(line))
        self.line = line.strip()
        self.name = normalised(match.group(1))
        self.bounds = re.findall(r"(==|!=|>=|<=|<|>)\s*([\w.*+]+)", match.group(2))
        self.marker = marker.strip()

    def applies(self):
        """True when the marker holds for the running interpreter (or there is none).

        A marker is a Python expression over a few names. It is evaluated as such, which is
        safe because the only files that are read are our own.
        """
        if not self.marker:
            return True
        return bool(eval(self.marker, {"__builtins__": {}}, MARKERS))

    def accepts(self, version):
        """True when ``version`` (a string such as ``2.13.0+cpu``) lies within the bounds."""
        return all(_holds(version, operator, bound) for operator, bound in self.bounds)


MARKERS = {
    "sys_platform": sys.platform,
    "platform_machine": platform.machine(),
    "os_name": os.name,
    "implementation_name": sys.implementation.name,
    "python_full_version": platform.python_version(),
}


def normalised(name):
    """The name as package indexes write it: lower case, one hyphen for ``-``, ``_`` and ``.``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def release(version):
    """``"2.13.0+cpu"`` → ``(2, 13, 0)``: the numbers before any letter or local part."""
    numbers = []
    for part in version.split("+")[0].split("."):
        match = re.match(r"\d+", part)
        if match is None:
            break
        numbers.append(int(match.group()))
        if match.group() != part:
            break
    return tuple(numbers)


def _holds(version, operator, bound):
    have, want = release(version), release(bound)
    if bound.endswith("*"):
        same = have[: len(want)] == want
        return same if operator == "==" else not same
    width = max(len(have), len(want))
    have, want = (numbers + (0,) * (width - len(numbers)) for numbers in (have, want))
    return {
        "==": have == want,
        "!=": have != want,
        ">=": have >= want,
        "<=": have <= want,
        "<": have < want,
        ">": have > want,
    }[operator]


def needed(*extras):
    """The requirements of pyproject.toml that apply here: the dependencies and these extras."""
    import tomllib  # Python 3.11

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if requirement.applies()]


def installed(name):
    """The version of an installed package, or None; a half-installed one counts as missing."""
    try:
        return metadata.version(name) or None
    except (metadata.PackageNotFoundError, KeyError, TypeError):
        return None


def unmet(requirements):
    """Those that the running interpreter lacks or has in a version outside the range."""
    missing = []
    for requirement in requirements:
        version = installed(requirement.name)
        if version is None or not requirement.accepts(version):
            missing.append(requirement)
    return missing


def satisfied(*extras):
    """True when this interpreter has all that the course needs, optional packages aside."""
    return all(requirement.name in OPTIONAL for requirement in unmet(needed(*extras)))


def lock_lines(path):
    """The requirements of a lock file that apply here."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return [requirement for requirement in found if requirement.applies()]


def digest(path):
    """The SHA-256 of a file, so that a changed lock is noticed; line ends do not count."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
