"""The default corpus: the documentation that every Python installation carries.

*small*: the topic pages of ``pydoc_data`` and the docstrings of the standard library.
*full*: the docstrings of the course's own installed packages as well. Source files are
parsed with ``ast``, never imported, so nothing of them runs.
"""

import ast
import importlib.metadata
import inspect
import platform
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


def python_docs(full: bool) -> Iterator[Document]:
    """All documents, in a fixed order."""
    yield from topics()
    yield from package_documents(STANDARD_LIBRARY, "stdlib", FACTS, "Reading the standard library")
    for name in PACKAGES if full else ():
        if package := installed(name):
            yield from package_documents(package[0], name, package[1], f"Reading {name}")


def versions(full: bool) -> dict[str, str]:
    """What the corpus is made from: names and versions."""
    packages = {name: installed(name) for name in (PACKAGES if full else ())}
    known = {name: package[1]["version"] for name, package in packages.items() if package}
    return {"Python": platform.python_version(), **known}


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


def package_documents(folder: Path, module: str, facts: dict, bar: str) -> Iterator[Document]:
    """One document for every docstring below ``folder``; ids look like ``numpy:linalg.norm``."""
    found = {path: set(path.relative_to(folder).parts[:-1]) for path in folder.rglob("*.py")}
    paths = sorted(path for path, folders in found.items() if not folders & LEFT_OUT)
    seen: set[str] = set()
    for path in display.bar(paths, bar, unit="file"):
        parts = path.relative_to(folder).with_suffix("").parts
        dotted = ".".join(part for part in parts if part != "__init__") or module
        for name, text in docstrings(path, dotted):
            identity = f"{module}:{name}"
            while identity in seen:  # overloads and conditional definitions repeat names
                identity += "'"
            seen.add(identity)
            yield Document(identity, text, {"title": name, **facts})


def installed(name: str) -> tuple[Path, dict] | None:
    """Folder and facts (origin, version, licence) of an installed package, without importing it."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    folder = Path(str(distribution.locate_file(MODULE_NAMES.get(name, name))))
    if not folder.is_dir():
        return None
    headers = distribution.metadata
    classes = [c for c in headers.get_all("Classifier") or [] if c.startswith("License ::")]
    known = [headers.get("License-Expression"), headers.get("License"), *classes]
    licence = next((text.split(" :: ")[-1] for text in known if text and len(text) < 100), "?")
    return folder, {"origin": name, "version": distribution.version, "licence": licence.strip()}
