"""The verb ``pack``: the course with all that it installs, in a folder for a room without network.

The markers of ``requirements.lock`` are evaluated for each system and Python asked for, never for
the one that packs; what cannot be had is named. A file that is there and whole is not fetched
again, so an interrupted run goes on where it stopped.
"""

import contextlib
import re
import shutil
import string
import subprocess
from argparse import Namespace
from collections import ChainMap
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

from packaging.requirements import Requirement

from course_lib import bootstrap
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY, home
from course_lib.workbook import smollm2
from course_lib.workbook.display import Table, bar
from course_lib.workbook.settings import atomic_write
from tools.indexes import SYSTEMS, Wheel, ask, best, measured, offers, sources

Packed = dict[tuple[str, str], dict[str, Wheel]]  # system and Python → where below wheels/ → what


def main(options: Namespace) -> int:
    """Tell the sizes, ask, pack. Returns 1 when something asked for is not in the folder."""
    systems, pythons = options.systems.split(","), releases(options.python)
    folder = Path(options.to or home() / "offline-room").expanduser().resolve()
    if unknown := {*systems} - {*SYSTEMS}:
        raise CourseError(f"--for knows {', '.join(SYSTEMS)}, and not {', '.join(unknown)}.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "START.txt").is_file():
        raise CourseError(f"{folder} has other things in it: name a new folder with --to.")
    try:
        packed, lacking = plan([(system, python) for system in systems for python in pythons])
        tell(folder, packed, lacking)
        if packed and (options.yes or input("Go on? [y/N] ").strip().lower() in ("y", "yes")):
            fill(folder, packed, lacking)
            print(f"{folder} is ready: START.txt in it says what to do.")
            return int(bool(lacking))
    except EOFError:
        raise CourseError("Nobody is there to say yes: add --yes.") from None
    except (OSError, HTTPException) as error:  # the network's, or the disk's
        raise CourseError(f"{error}: start the same again, it goes on from there.") from error
    return 1


def releases(text: str) -> list[str]:
    """``3.11-3.13`` → 3.11, 3.12 and 3.13."""
    if not (found := re.fullmatch(r"3\.(\d+)(?:-3\.(\d+))?", text)):
        raise CourseError(f"--python is {text}, but must be like 3.12 or like 3.11-3.13.")
    return [f"3.{minor}" for minor in range(int(found[1]), int(found[2] or found[1]) + 1)]


def pins(system: str, python: str) -> list[Requirement]:
    """SmolLM2, and the lines of the lock that hold there for any release of that Python."""
    platform, machine, _ = SYSTEMS[system]
    there = {"sys_platform": platform, "platform_machine": machine, "python_version": python}
    there |= {"os_name": "nt" if system == "windows" else "posix", "implementation_name": "cpython"}
    ends = [there | {"python_full_version": f"{python}.{micro}"} for micro in (0, 99)]
    lines = [smollm2.PACKAGE, *sorted(bootstrap.pins(REPOSITORY / "requirements.lock"))]
    needs = map(Requirement, lines)
    return [need for need in needs if not need.marker or any(map(need.marker.evaluate, ends))]


def plan(wanted: list[tuple[str, str]]) -> tuple[Packed, list[str]]:
    """What to pack for each system and Python, and a line for what keeps others out of it."""
    needs, pages, packed, lacking = {one: pins(*one) for one in wanted}, sources(), {}, {}
    names = sorted({need.name for some in needs.values() for need in some})
    with ThreadPoolExecutor(8) as pool:
        offered = dict(zip(names, pool.map(lambda name: offers(name, pages), names), strict=True))
        for (system, python), some in needs.items():
            found = {str(n): best(n, offered[n.name], system, python) for n in some}
            if absent := [line.split(";")[0].strip() for line, wheel in found.items() if not wheel]:
                cpu = " (for Linux the CPU build, which PyTorch's own index has)" * (
                    "linux" in system
                )
                names = ", ".join(f"{n}{cpu if n.startswith('torch==') else ''}" for n in absent)
                lacking.setdefault(f"{system} has no wheel of {names}", []).append(python)
            else:
                wheels = pool.map(measured, found.values())
                packed[system, python] = {path(wheel, system): wheel for wheel in wheels}
    return packed, [f"{what}: Python {', '.join(some)}" for what, some in lacking.items()]


def path(wheel: Wheel, system: str) -> str:
    """Where a wheel lies below ``wheels/``: a learner needs ``any`` and the own system."""
    return f"{'any' if {tag.platform for tag in wheel.tags} == {'any'} else system}/{wheel.file}"


def tell(folder: Path, packed: Packed, lacking: list[str]) -> None:
    """Print how large it is and what is not to be had. Raises CourseError when it does not fit."""
    rows = [(*one, len(some), f"{size(some):,.0f}") for one, some in packed.items()]
    print(Table(rows, ("system", "Python", "wheels", "MB")) if rows else "Nothing can be packed.")
    for line in lacking:
        print(f"Not to be had: {line}.")
    wheels = dict(ChainMap(*packed.values()))
    there = {name: wheel for name, wheel in wheels.items() if (folder / "wheels" / name).is_file()}
    own = sum((REPOSITORY / name).stat().st_size for name in own_files()) / 1e6
    rest = size(wheels) + own - size(there)
    exists = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(exists).free / 1e6
    print(
        f"Together {size(wheels) + own:,.0f} MB, what they share counted once; "
        f"{size(there):,.0f} are there already. {folder} has {free:,.0f} MB free."
    )
    if rest > free:
        raise CourseError(f"{rest:,.0f} MB do not fit into {folder}: name another one with --to.")


def size(wheels: dict[str, Wheel]) -> float:
    """In MB."""
    return sum(wheel.size for wheel in wheels.values()) / 1e6


def own_files() -> list[str]:
    """The course's files: those that git keeps, as they lie here."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    with contextlib.suppress(FileNotFoundError):
        said = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8").stdout
        if names := [name for name in said.split("\0") if name and (REPOSITORY / name).is_file()]:
            return names
    raise CourseError("`pack` takes what git keeps: `git clone` the course, and start it there.")


def fill(folder: Path, packed: Packed, lacking: list[str]) -> None:
    """Make the folder: the course, the wheels, and last the lists of what was seen to be whole."""
    wheels = dict(ChainMap(*packed.values()))
    root = folder / "wheels"
    root.mkdir(parents=True, exist_ok=True)
    start = string.Template(Path(__file__).with_name("START.txt").read_text("utf-8"))
    whom = {system: [python for name, python in packed if name == system] for system, _ in packed}
    lines = [f"  {system}, Python {', '.join(some)}" for system, some in whom.items()]
    lines += ["What could not be had:", *(f"  {line}" for line in lacking)] if lacking else []
    text = start.substitute(systems="\n".join(lines))
    (folder / "START.txt").write_text(text, encoding="utf-8", newline="\r\n")
    for old in {*root.glob("*.sha256"), *root.glob("*/*")} - {root / name for name in wheels}:
        old.unlink()  # of another edition
    for name in own_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, folder / name)
    with bar(None, "wheels", total=sum(wheel.size for wheel in wheels.values()), unit="B") as done:
        sums = {}
        for name, wheel in wheels.items():
            sums[name] = fetch(wheel, root / name)
            done.update(wheel.size)
    for (system, python), some in packed.items():
        platform, machine, _ = SYSTEMS[system]
        lines = [f"{sums[name]}  {name}\n" for name in sorted(some)]
        (root / f"{platform}-{machine}-{python}.sha256").write_text("".join(lines), newline="\n")


def fetch(wheel: Wheel, target: Path) -> str:
    """Bring a file, unless it is there and whole. Returns its SHA-256."""
    found = bootstrap.digest(target)
    if not found or wheel.sha256 not in ("", found):
        with atomic_write(target) as part:
            with ask(wheel.address) as reply, part.open("wb") as file:
                shutil.copyfileobj(reply, file, 2**20)
            found = bootstrap.digest(part)
            if wheel.sha256 not in ("", found):
                raise CourseError(f"{wheel.file} came damaged: start the same command again.")
    return found
