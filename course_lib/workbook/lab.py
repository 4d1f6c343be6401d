"""The verb ``lab``: a working copy of the notebooks, opened in JupyterLab."""

import os
import sys
from pathlib import Path

from course_lib import bootstrap, places
from course_lib.workbook import settings, smollm2
from course_lib.workbook.settings import atomic_write

FIRST = "00_start_here.ipynb"
NOTEBOOKS = places.REPOSITORY / "notebooks"
ORIGINALS = ".originals.json"


def start(port: int, ip: str, browser: bool, corpus: str | None) -> int:
    """Bring the working copy up to date and let JupyterLab take this process's place."""
    if corpus:  # read now: a wrong name is told at once, and the notebooks find it in the cache
        from course_lib.workbook.corpus import load_corpus

        settings.save_corpus_choice(load_corpus(corpus).source)
        os.environ.pop("COURSE_CORPUS", None)  # it would outweigh the choice
    smollm2.fetch()
    work = places.home() / "work"  # the learner's own copy of the notebooks; git ignores it
    for note in [places.home_note(), *update_copies(NOTEBOOKS, work)]:
        print(note, end="\n" if note else "")
    print("Ctrl-C, twice, stops JupyterLab. Its address, should no browser open:")
    command = [sys.executable, "-m", "jupyterlab", *server_arguments(work, port, ip, browser)]
    os.chdir(work)
    return bootstrap.hand_over(command, server_environment())


def update_copies(originals: Path, work: Path) -> list[str]:
    """Copy the notebooks into ``work``; what the learner has changed is never overwritten.

    ``.originals.json`` keeps the hash of every file written here. A copy that still has it is
    untouched and follows its original; beside any other one a new original is put, once, as
    ``NAME (updated).ipynb``. Returns one sentence for each of those.
    """
    written, notes = settings.read_json(work / ORIGINALS), []
    for original in sorted(originals.glob("*.ipynb")):
        copy, new = work / original.name, bootstrap.digest(original)
        if bootstrap.digest(copy) not in ("", new, written.get(copy.name)):
            if new in written.values():
                continue
            names = ["(updated)", *(f"(updated {n})" for n in range(2, 99))]
            beside = (copy.with_stem(f"{copy.stem} {name}") for name in names)
            copy = next(p for p in beside if bootstrap.digest(p) in ("", written.get(p.name)))
            notes.append(f"{original.name}: the new version is {copy.name}, yours stays.")
        if bootstrap.digest(copy) != new:
            with atomic_write(copy) as temporary:
                temporary.write_bytes(original.read_bytes())
        written[copy.name] = new
    settings.write_json(work / ORIGINALS, written)
    return notes


def server_arguments(work: Path, port: int, ip: str, browser: bool) -> list[str]:
    """What JupyterLab is started with: 00_start_here open, nothing but warnings in the terminal."""
    arguments = [
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        f"--ServerApp.port={port}",  # where it is taken, JupyterLab tries the next ones
        f"--ServerApp.ip={ip}",
        "--ServerApp.use_redirect_file=False",  # a browser in a sandbox cannot read such a file
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",  # the other one asks PyPI
        f"--ServerApp.open_browser={browser}",
    ]
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*arguments, "--allow-root"] if root else arguments


def server_environment() -> dict[str, str]:
    """The variables of JupyterLab and, through it, of every kernel."""
    environment = bootstrap.child_environment()
    folder = str(Path(__file__).parent)  # Jupyter looks into its subfolder labconfig/
    theirs = environment.get("JUPYTER_CONFIG_PATH", "")
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [folder, theirs]))
    # Tabs of the learner's other projects do not belong into the course's window.
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(places.state_folder() / "workspaces")
    return environment
