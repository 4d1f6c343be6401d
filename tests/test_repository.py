"""pyproject.toml, locks, environment.yml, constraints/ and README say the same, and the truth."""

import ast
import re
import sys
import tomllib

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import BUILTIN
from tools.rules import output_text

LOCKS = ("requirements.lock", "requirements-test.lock")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
TABLE = PROJECT["project"]
EXTRAS = TABLE["optional-dependencies"]
ALL = [Requirement(line) for line in [*TABLE["dependencies"], *EXTRAS["lab"], *EXTRAS["test"]]]
DIRECT = {Requirement(line).name for line in sum(EXTRAS.values(), TABLE["dependencies"])}
# Where an import has another name than the package; what is not listed has the same.
PACKAGES = {"sklearn": "scikit-learn", "IPython": "ipython"}
BESIDES = ("packaging", "pip", "certifi", "google", "invariants")  # these are there, or not
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]


def lines_of(name: str) -> list[str]:
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def pins(name: str) -> list[Requirement]:
    return [Requirement(line) for line in lines_of(name)]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_versions_only_and_says_how_it_was_made(name: str) -> None:
    for line in lines_of(name):
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^@]+)?", line), line
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert not re.search(r"/|\\|nvidia|triton|cuda", text)
    assert "#    uv pip compile pyproject.toml --extra lab" in text and f"-o {name}\n" in text
    # The installer relies on it: with the tests' lock in place the other one is, too.
    assert set(lines_of("requirements.lock")) <= set(lines_of(name))


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("platform", PLATFORMS, ids="-".join)
def test_every_need_is_pinned_in_range(name: str, python: str, platform: tuple[str, str]) -> None:
    environment = dict(zip(("sys_platform", "platform_machine"), platform, strict=True))
    environment["os_name"] = "nt" if platform[0] == "win32" else "posix"
    environment |= {"python_full_version": f"{python}.4", "python_version": python, "extra": ""}
    environment["implementation_name"] = "cpython"
    chosen: dict[str, Version] = {}
    for pin in pins(name):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert pin.name not in chosen, f"{pin.name} is pinned twice"
            chosen[pin.name] = Version(next(iter(pin.specifier)).version)
    test_only = {Requirement(line).name for line in EXTRAS["test"]}
    for need in ALL:
        if need.marker is not None and not need.marker.evaluate(environment):
            assert need.name not in chosen
        elif name == "requirements-test.lock" or need.name not in test_only:
            assert need.specifier.contains(chosen[canonicalize_name(need.name)]), need


def test_colab_lies_inside_the_ranges() -> None:
    needs = {need.name: need for need in ALL}
    for there in [*pins("constraints/colab.txt"), Requirement("torch==2.11.*")]:
        version = str(there.specifier).removeprefix("==").replace("*", "0")
        assert needs[there.name].specifier.contains(version), there


def test_the_lowest_constraints_are_the_lower_bounds() -> None:
    limits = {limit.name: str(limit.specifier) for limit in pins("constraints/lowest.txt")}
    for need in ALL:
        if need.name != "torch":
            bound = next(part.version for part in need.specifier if part.operator == ">=")
            assert limits.pop(need.name) in (f"=={bound}", f"=={bound}.*"), need.name
    assert not limits


def test_conda_brings_python_and_pip_and_the_same_lock() -> None:
    lines = [line.strip() for line in lines_of("environment.yml")]
    assert f"name: {TABLE['name']}" in lines and TABLE["requires-python"] == ">=3.11"
    needs = ["- python=3.11", "- pip", "- pip:", "- -r requirements.lock"]
    assert lines[lines.index("dependencies:") + 1 :] == needs


def test_what_the_library_imports_is_declared() -> None:
    """Every import of a package, at any depth, is a dependency or of an extra."""
    declared = {*map(canonicalize_name, DIRECT), "course-lib", "tools"}
    for path in sorted([*REPOSITORY.glob("course_lib/**/*.py"), *REPOSITORY.glob("tools/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names:
                if name not in BESIDES:
                    assert canonicalize_name(PACKAGES.get(name, name)) in declared, (path, name)


def test_the_ci_file_for_three_systems_runs_the_second_command_when_it_is_asked() -> None:
    text = (REPOSITORY / ".github/workflows/test.yml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content[True] == "workflow_dispatch"  # YAML reads the key `on` as true
    job = content["jobs"]["test"]
    systems = {name.split("-")[0] for name in job["strategy"]["matrix"]["os"]}
    assert systems == {"ubuntu", "macos", "windows"}
    assert job["steps"][-1]["run"].startswith("python -m course_lib test ")


def test_the_licences_are_there_and_what_the_library_needs_is_packed() -> None:
    assert "MIT License" in (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "CC BY 4.0" in (REPOSITORY / "LICENSE-TEXT").read_text(encoding="utf-8")
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["course_lib.workbook"]
    folder = REPOSITORY / "course_lib" / "workbook"
    packed = {path for pattern in patterns for path in folder.glob(pattern)}
    others = {path for kind in ("json", "cfg", "css", "html") for path in folder.rglob(f"*.{kind}")}
    assert others <= packed


def test_every_notebook_and_corpus_is_there_and_every_link_leads_somewhere() -> None:
    linked = set(re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", README))
    assert linked == {f"notebooks/{p.name}" for p in REPOSITORY.glob("notebooks/[0-9]*.ipynb")}
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target
    for name in BUILTIN:
        assert f"| `{name}` |" in README


def test_outputs_in_the_readme_were_printed_by_their_notebooks() -> None:
    shown = re.findall(r"<!-- output of (\w+) -->\n```\n(.*?)```", README, re.DOTALL)
    assert len(shown) == 3
    for name, block in shown:
        cells = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        printed = "\n".join(map(output_text, outputs)).splitlines()
        for line in block.splitlines():
            pieces = re.split(r"\s{2,}", line)
            assert any(all(piece in one for piece in pieces) for one in printed), line


def test_each_claim_of_the_talk_has_a_section() -> None:
    text = (REPOSITORY / "CLAIMS.md").read_text(encoding="utf-8")
    claims = re.findall(r"^\| C(\d+) \| .+ \| .+ \| .+ \|$", text, re.MULTILINE)
    assert list(map(int, claims)) == list(range(1, 49))
    for path, section in re.findall(r"\]\((notebooks/\w+\.ipynb)\) · ([\w ]+)", text):
        cells = nbformat.read(REPOSITORY / path, as_version=4).cells
        heading = f"## {section.strip()}" + " · " * section.strip().isdigit()
        assert any(cell.source.startswith(heading) for cell in cells), (path, section)


def bold_terms(source: str) -> list[str]:
    """The terms that a Markdown cell has in bold.

    Not so: bold in headings, code and summaries; a label, which opens a paragraph, item, cell or
    quote and ends in a stop, colon or question mark; a whole sentence.
    """
    source = re.sub(r"```.*?```|`[^`\n]*`|<summary>.*?</summary>", "x", source, flags=re.DOTALL)
    source, terms = re.sub(r"^#+ .*$", "", source, flags=re.MULTILINE), []
    for match in re.finditer(r"\*\*([^*]+)\*\*", source):
        inside, before, after = match[1], source[: match.start()], source[match.end() :]
        opens = re.search(r"(^|\n|\|)[ >]*([-+*] |\d+\. )?$", before)
        ends = re.search(r"[.:?!][”\"]?$", inside) or re.match(r"[.:?!]", after)
        sentence = re.match(r"[“\"]?[A-Z].* .*\.$", inside) and re.search(r"[.?!:*)] $|^$", before)
        if not (opens and ends) and not sentence:
            terms.append(inside.casefold())
    return terms


def test_a_term_in_bold_stands_in_the_glossary_and_the_glossary_leads_to_it() -> None:
    bold: dict[tuple[str, str], str] = {}  # the text of each part of each notebook
    for path in REPOSITORY.glob("notebooks/[0-9]*.ipynb"):
        part = ""
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                if heading := re.match(r"## (?:(\d+) · )?(.+)", cell.source):
                    part = heading[1] or heading[2]
                bold[path.name, part] = f"{bold.get((path.name, part), '')}\n\n{cell.source}"
    known: set[str] = set()
    entry = r"- (\*\*.+?\*\*)(?: \([^)]+\))?: .+\. \[\w+\]\(notebooks/(\w+\.ipynb)\) · (.+)"
    lines = (REPOSITORY / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    for line in (line for line in lines if line.startswith("- ")):
        terms, name, part = re.fullmatch(entry, line).groups()
        forms = {form.casefold() for form in re.findall(r"\*\*([^*]+)\*\*", terms)}
        there = re.findall(r"\*\*([^*]+?)[.:]?\*\*", bold[name, part].casefold())
        assert forms & {*there}, line
        known |= forms
    assert len(known) > 150
    for (name, part), text in bold.items():
        missing = {*bold_terms(text)} - known
        assert not missing, (name, part, missing)


def test_every_direct_dependency_has_its_reason() -> None:
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| "))
    for name in DIRECT:
        assert re.search(rf"\b{name}\b", rows, re.IGNORECASE), f"the README lacks {name}"


def test_the_repository_stands_alone() -> None:
    """Nothing tells how work on it is organised."""
    kinds = {".py", ".md", ".toml", ".yml", ".ipynb", ".lock", ".txt", ".json", ".cfg"}
    apart = {".venv", "work", ".course", "executed", ".git", "test_repository.py"}
    for path in REPOSITORY.rglob("*"):
        if path.suffix in kinds and not apart & {*path.relative_to(REPOSITORY).parts}:
            text = path.read_text(encoding="utf-8", errors="replace")
            for word in ("../shared", ".library", "/work/main", "file:///", "/opt/wheels"):
                assert word not in text, f"{path} mentions {word}"
