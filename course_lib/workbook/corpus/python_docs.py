"""The default corpus: the documentation that every Python installation carries.

*small*: the topic pages of ``pydoc_data`` and the docstrings of the standard library.
*full*: the docstrings of the course's own installed packages as well. Source files are
parsed with ``ast``, never imported, so nothing of them runs.
"""

import ast
import contextlib
import importlib.metadata
import inspect
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from course_lib.workbook import display
from course_lib.workbook.corpus.document import Document

PACKAGES = (  # noqa: SIM905
    "torch transformers peft bitsandbytes datasets tokenizers safetensors huggingface_hub "
    "accelerate numpy scipy pandas pyarrow matplotlib scikit-learn jupyterlab ipywidgets notebook "
    "nbconvert nbformat nbclient jupyter_server IPython traitlets tornado jinja2 tqdm fsspec "
    "trafilatura psutil sympy networkx pillow"
).split()
MODULE_NAMES = {"scikit-learn": "sklearn", "pillow": "PIL"}
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3"}
MIN_WORDS = 5
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
FACTS = {"origin": "Python", "licence": "PSF-2.0"}


def sources(full: bool) -> dict[str, tuple[Path, dict]]:
    """Folder and facts (origin, version, licence) of all that is read; nothing is imported."""
    found = {"stdlib": (STANDARD_LIBRARY, FACTS)}
    for name in PACKAGES if full else ():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            package = importlib.metadata.distribution(name)
            folder = Path(str(package.locate_file(MODULE_NAMES.get(name, name))))
            facts = {"origin": name, "version": package.version, "licence": licence(package)}
            if folder.is_dir():
                found[name] = folder, facts
    return found


def licence(package: importlib.metadata.Distribution) -> str:
    """What a package says about its licence, in a few words; "?" if it does not."""
    headers = package.metadata
    classes = [c for c in headers.get_all("Classifier") or [] if c.startswith("License ::")]
    known = [headers.get("License-Expression"), headers.get("License"), *classes]
    return next((text.split(" :: ")[-1] for text in known if text and len(text) < 100), "?").strip()


def python_docs(sources: dict[str, tuple[Path, dict]]) -> Iterator[Document]:
    """All documents in a fixed order: the topic pages, then the docstrings of each source."""
    yield from topics()
    for name, (folder, facts) in sources.items():
        yield from package_documents(folder, name, facts)


def topics(folder: Path = STANDARD_LIBRARY) -> Iterator[Document]:
    """The pages behind ``help('for')``: about eighty chapters of the language reference."""
    path = folder / "pydoc_data" / "topics.py"
    if not path.is_file():  # some Linux distributions leave it out
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            for name, text in sorted(ast.literal_eval(node.value).items()):
                yield Document(f"topics:{name}", inspect.cleandoc(text), {"title": name, **FACTS})


def docstrings(path: Path, module: str) -> Iterator[tuple[str, str]]:
    """Dotted names and texts of the docstrings in one source file; none if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in other people's code
            source = path.read_bytes()
            try:
                tree = ast.parse(source)
            except SystemError:  # CPython miscounts when another parser ran meanwhile (gh-106905)
                tree = ast.parse(source)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return
    pending: list[tuple[ast.AST, str]] = [(tree, module)]
    while pending:
        node, name = pending.pop()
        text = ast.get_docstring(node)
        if text and len(text.split()) >= MIN_WORDS:
            yield name, text
        inner = [child for child in reversed(node.body) if isinstance(child, DEFINITIONS)]
        pending += [(child, f"{name}.{child.name}") for child in inner]


def package_documents(folder: Path, module: str, facts: dict) -> Iterator[Document]:
    """One document for every docstring below ``folder``; ids look like ``numpy:linalg.norm``."""
    found = {path: set(path.relative_to(folder).parts[:-1]) for path in folder.rglob("*.py")}
    paths = sorted(path for path, folders in found.items() if not folders & LEFT_OUT)
    seen: set[str] = set()
    for path in display.bar(paths, f"Reading {module}", unit="file"):
        parts = path.relative_to(folder).with_suffix("").parts
        dotted = ".".join(part for part in parts if part != "__init__") or module
        for name, text in docstrings(path, dotted):
            identity = f"{module}:{name}"
            while identity in seen:  # overloads and conditional definitions repeat names
                identity += "'"
            seen.add(identity)
            yield Document(identity, text, {"title": name, **facts})
