"""Run one notebook from top to bottom in a fresh kernel of this interpreter. It never hangs."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

CELL_SECONDS = 600
STARTUP_SECONDS = 120
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOTICE = "Kernel is running over TCP"  # said by every kernel


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook stopped.

    cell      number of the cell among all cells, from 1; 0 when the kernel did not start
    source    the first lines of that cell
    ename     kind of error, as ``ValueError``; ``Timeout`` and ``KernelDied`` are ours
    evalue    its text, without colour codes
    """

    cell: int
    source: str
    ename: str
    evalue: str

    def __str__(self) -> str:
        where = f"cell {self.cell}" if self.cell else "the start of its kernel"
        return f"{where} with {self.ename}: {self.evalue}"


@dataclass(frozen=True)
class Execution:
    """An executed notebook; ``failure`` is None when it ran to its end."""

    notebook: NotebookNode
    seconds: float
    failure: Failure | None


class _ThisInterpreter(KernelSpecManager):
    """``python3`` is the interpreter that runs this code, whatever kernelspecs are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def read(path: Path) -> NotebookNode:
    """The notebook in a file. Raises ``CourseError`` when it is damaged."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path} cannot be read as a notebook: restore it from git.") from error


def kernel_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables for a kernel that nobody watches and that stays offline, then ``changes``."""
    path = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "COURSE_HEADLESS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUTF8": "1",
        **(changes or {}),
    }


def execute(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    cell_seconds: int = CELL_SECONDS,
    after_cell: Callable[[int, int], None] = lambda done, total: None,
) -> Execution:
    """Run a copy of the notebook in ``path``; the file stays as it is.

    environment    variables of the kernel that differ from ``kernel_environment()``
    cell_seconds   a cell that takes longer is stopped, and the notebook with it
    after_cell     called with (code cells done, code cells in all), first with 0 done

    The kernel works in a temporary folder that holds the copy, and is always ended, also on Ctrl-C.
    """
    notebook = read(path)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        run = _Run(
            notebook, Path(folder), kernel_environment(environment), cell_seconds, after_cell
        )
        shutil.copy(path, run.work)
        # Windows' default event loop cannot wait for the kernel's sockets.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            failure = runner.run(run.to_the_end())
    return Execution(notebook, time.perf_counter() - started, failure)


class _Run:
    """One run of one notebook; its folder is empty and temporary."""

    def __init__(
        self,
        notebook: NotebookNode,
        folder: Path,
        environment: dict[str, str],
        cell_seconds: int,
        after_cell: Callable[[int, int], None],
    ) -> None:
        self.notebook, self.folder = notebook, folder
        self.cell_seconds, self.after_cell = cell_seconds, after_cell
        self.work, self.log = folder / "notebook", folder / "kernel.log"
        self.work.mkdir()
        # IPYTHONDIR: none of the user's own start-up files run.
        self.environment = {**environment, "IPYTHONDIR": str(folder / "ipython")}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None

    async def to_the_end(self) -> Failure | None:
        """Run all cells; None, or where it stopped."""
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=_ThisInterpreter(),
            connection_file=str(self.folder / "kernel.json"),
        )
        client = NotebookClient(
            self.notebook,
            km=manager,
            timeout=self.cell_seconds,
            startup_timeout=STARTUP_SECONDS,
            iopub_timeout=30,
            record_timing=False,
            coalesce_streams=True,
        )
        client.log.disabled = True  # the caller reports errors, in one line
        client.reset_execution_trackers()
        with self.log.open("wb") as log:
            try:
                streams = {"stdout": log, "stderr": log}
                await client.async_start_new_kernel(
                    env=self.environment, cwd=str(self.work), **streams
                )
                await client.async_start_new_kernel_client()
                return await self._cells(client)
            except (RuntimeError, TimeoutError, OSError) as error:
                return Failure(0, "", type(error).__name__, _plain(str(error)) + self._last_words())
            finally:
                if client.kc is not None:
                    client.kc.stop_channels()
                if manager.has_kernel:
                    await manager.shutdown_kernel(now=True)

    async def _cells(self, client: NotebookClient) -> Failure | None:
        code = [index for index, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]
        self.after_cell(0, len(code))
        for done, index in enumerate(code, 1):
            cell = self.notebook.cells[index]
            try:
                await client.async_execute_cell(cell, index, execution_count=done)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                task = asyncio.current_task()
                if (
                    task is not None and task.cancelling()
                ):  # Ctrl-C, which nbclient takes for a death
                    raise asyncio.CancelledError from error
                return self._failure(index, error)
            self.after_cell(done, len(code))
        return None

    def _failure(self, index: int, error: Exception) -> Failure:
        source = "\n".join(self.notebook.cells[index].source.strip().splitlines()[:3])
        if isinstance(error, CellExecutionError):
            return Failure(index + 1, source, error.ename, _plain(error.evalue))
        if isinstance(error, CellTimeoutError):
            return Failure(
                index + 1, source, "Timeout", f"no end after {self.cell_seconds} seconds"
            )
        why = "its Python process ended by itself (is there enough memory?)"
        return Failure(index + 1, source, "KernelDied", why + self._last_words())

    def _last_words(self) -> str:
        """What the kernel's process itself wrote last, as a crash or a missing module does."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip() and _NOTICE not in line]
        return f"; it wrote: {_plain(said[-1])}" if said else ""


def _plain(text: str) -> str:
    return _ANSI.sub("", text).strip()
