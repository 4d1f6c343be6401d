"""Which packages are needed, and which of them this interpreter has."""
import hashlib
import importlib.metadata
import platform
import re
import sys

from course_lib.bootstrap.places import REPOSITORY

LOCK = REPOSITORY / "requirements.lock"
TEST_LOCK = REPOSITORY / "requirements-test.lock"
OPTIONAL = ("bitsandbytes",)  # has no wheels for some platforms; the course then uses its own 4-bit code
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)\s*([^;]*)(?:;(.*))?$")


def project():
    """The content of ``pyproject.toml``."""
    import tomllib  # Python 3.11

    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def ranges(extras=("lab",)):
    """Names and version ranges of what the course imports itself: ``[("torch", ">=2.11,<3"), …]``."""
    table = project()["project"]
    lines = list(table["dependencies"])
    for extra in extras:
        lines += table["optional-dependencies"][extra]
    found = []
    for line in lines:
        name, versions, _ = _REQUIREMENT.match(line.strip()).groups()
        found.append((name, versions.strip()))
    return found


def version_tuple(version):
    """The numbers of a version, for comparing: ``2.13.0+cpu`` gives (2, 13, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[+a-zA-Z]", version)[0]))


def satisfies(version, wanted):
    """True when ``version`` lies in a range such as ``>=2.6,<3``."""
    have = version_tuple(version)
    for condition in filter(None, (part.strip() for part in wanted.split(","))):
        sign, bound = re.match(r"(>=|<=|==|!=|<|>)\s*(\S+)", condition).groups()
        limit = version_tuple(bound)
        width = max(len(have), len(limit))
        left, right = have + (0,) * (width - len(have)), limit + (0,) * (width - len(limit))
        fits = {
            ">=": left >= right, "<=": left <= right, "==": left == right,
            "!=": left != right, "<": left < right, ">": left > right,
        }[sign]  # fmt: skip
        if not fits:
            return False
    return True


def installed_version(name):
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def unmet(extras=("lab",)):
    """What this interpreter lacks: ``[(name, range, installed version or None), …]``. Optional ones do not count."""
    lacking = []
    for name, wanted in ranges(extras):
        have = installed_version(name)
        if (have is None or not satisfies(have, wanted)) and name not in OPTIONAL:
            lacking.append((name, wanted, have))
    return lacking


def locked(path=LOCK):
    """Names and exact versions in a lock file that apply to this machine, in lower case."""
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        pin, _, marker = line.partition(";")
        if marker and not _marker_holds(marker.strip()):
            continue
        name, _, version = pin.strip().partition("==")
        pins[name.lower().replace("_", "-")] = version.strip()
    return pins


def _marker_holds(marker):
    """Environment markers, by pip's own parser where there is one; else every line counts."""
    try:
        from pip._vendor.packaging.markers import Marker
    except ImportError:
        return True
    return Marker(marker).evaluate()


def fingerprint(path):
    """The hash of a lock file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def platform_problem():
    """One sentence when PyTorch has no build for this platform, else None. Said before installing."""
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return (
            "PyTorch makes no builds for Macs with an Intel processor any more: use the notebooks on Google "
            "Colab, or on another computer."
        )
    if sys.maxsize < 2**32:
        return "This is a 32-bit Python, and PyTorch needs a 64-bit one: install that from python.org."
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return (
            "PyTorch has no builds for this Linux (it uses another C library than glibc): use a Debian, "
            "Ubuntu or Fedora system or container."
        )
    return None
