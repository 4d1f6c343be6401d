"""Rules for a notebook of the course whose breach a reader would meet.

Its parts, in order: ``# 00 · Title`` with ``> **Claim.** …``, OPENING, sections ``## 1 · Title``,
those of OPTIONAL that there are, CLOSING. A heading is the first line of its cell.
"""

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

OPENING = ["What you will build", "Before you start", "Questions and objectives", "Set-up"]
OPTIONAL = ("Exercises", "Going further", "Your progress")
CLOSING = ["Your own corpus", "Key points", "Quiz", "Further reading", "What comes next"]
CODE_LINES = 25
CORPUS = "python-docs (small)"
IGNORED = "nbval-ignore-output"
PICTURES = {"image/png", "image/svg+xml", "image/jpeg", "image/gif"}
EXERCISE = re.compile(
    r"### Exercise (\d+[a-z]?\.\d+) · \S.*\((?:★☆☆|★★☆|★★★), \d+ minutes?\)(?:\n|$)"
)
_ELSEWHERE = re.compile(
    r"""!\[[^\]]*\]\(\s*(?:https?:)?//                                 # pictures of Markdown
    |<(?!a\b)[a-z]+\b[^>]*\b(?:src|href|data)\s*=\s*["']?(?:https?:)?//  # HTML and SVG
    |(?:url\(|@import\s)\s*["']?(?:https?:)?//                          # CSS
    |\b(?:IFrame|Image|Video|Audio|SVG|HTML)\(\s*(?:\w+\s*=\s*)?["']https?://""",
    re.IGNORECASE | re.VERBOSE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,9}[a-zA-Z]{2,63})")
_RESERVED = re.compile(r"(^|\.)((example|invalid|test|localhost)|example\.(com|org|net))$", re.I)


def problems(notebook: NotebookNode, name: str, setup: str) -> list[str]:
    """Everything that is wrong with the notebook ``name``; ``setup``: its set-up cell's source."""
    rules = (_parts(notebook, name, setup), _exercises(notebook), _outputs(notebook))
    found = [sentence for rule in rules for sentence in rule]
    for position, cell in enumerate(notebook.cells, 1):
        found += [f"cell {position}: {sentence}" for sentence in _cell(cell)]
    return found


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def _role(cell: NotebookNode) -> str:
    return next((tag for tag in tags(cell) if tag in ("exercise", "check", "solution")), "")


def output_text(output: NotebookNode) -> str:
    """The readable part of an output."""
    data = output.get("data", {}).items()
    readable = [text for kind, text in data if kind.startswith("text/") or "svg" in kind]
    return "\n".join([output.get("text", ""), *map(str, readable)])


def compared(notebook: NotebookNode) -> tuple[int, int]:
    """(code cells whose output the tests compare, code cells that have output)."""
    with_output = [cell for cell in notebook.cells if cell.get("outputs")]
    return sum(IGNORED not in tags(cell) for cell in with_output), len(with_output)


def _parts(notebook: NotebookNode, name: str, setup: str) -> Iterator[str]:
    title = notebook.cells[0].source if notebook.cells else ""
    if not title.startswith(f"# {name.split('_')[0]} · ") or "\n> **Claim.** " not in title:
        yield "cell 1: begin with `# 00 · Title` and `> **Claim.** One sentence.`"
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = [text.split("\n")[0][3:] for text in texts if text.startswith("## ")]
    numbers = [int(found[1]) for text in headings if (found := re.match(r"(\d+) · ", text))]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the sections are numbered {numbers}: number them 1, 2, 3 …"
    sections = [text for text in headings if re.match(r"\d+ · ", text)]
    others = [text for text in headings if text in OPTIONAL]
    if headings != [*OPENING, *sections, *others, *CLOSING] or not sections:
        wanted = [*OPENING, "the sections", f"(any of {', '.join(OPTIONAL)})", *CLOSING]
        yield f"the parts are {headings}; they should be {wanted}"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or code[0].source != setup or "setup" not in tags(code[0]):
        yield "the first code cell is not the set-up cell, with its tag: normalise the notebook"


def _cell(cell: NotebookNode) -> Iterator[str]:
    text = cell.source
    if cell.cell_type == "code":
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > CODE_LINES and "setup" not in tags(cell):
            yield f"{lines} lines of code, at most {CODE_LINES}"
        nodes = list(ast.walk(ast.parse(cell.source)))
        if any(isinstance(node, ast.Assert) for node in nodes) and "teaches" not in tags(cell):
            yield "an assertion that does not teach (then: its tag) belongs in tests/notebooks"
        text = "\n".join(str(node.value) for node in nodes if isinstance(node, ast.Constant))
    else:
        for file in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", cell.source):
            if file.removeprefix("attachment:") not in cell.get("attachments", {}):
                yield f"{file} is not attached: put it into assets/figures, write `attachment:`"
    shown = "\n".join(map(output_text, cell.get("outputs", [])))
    if _ELSEWHERE.search(f"{cell.source}\n{shown}"):
        yield "a picture, script, style or frame comes from elsewhere: store it here"
    for domain in sorted(set(_EMAIL.findall(f"{text}\n{shown}"))):
        if not _RESERVED.search(domain):
            yield f"an e-mail address at {domain}"


def _outputs(notebook: NotebookNode) -> Iterator[str]:
    code = [(n, cell) for n, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    if [cell.execution_count for _, cell in code] != list(range(1, len(code) + 1)):
        yield "not every cell was run, in order: run `python3 -m course_lib notebooks --execute`"
    first = "\n".join(output_text(output) for _, cell in code[:1] for output in cell.outputs)
    if f"\nCorpus: {CORPUS}, " not in f"\n{first}":
        yield f"the outputs were not made on {CORPUS}: execute the notebook"
    done, total = compared(notebook)
    if 4 * done <= total:  # a model computes otherwise on another processor
        yield f"{done} of {total} cells with output are compared; it must be more than a quarter"
    for position, cell in code:
        for output, below in zip(cell.outputs, [*cell.outputs[1:], {}], strict=False):
            data = output.get("data", {})
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {position}: its output is an error or a warning"
            sentence = data.get("text/plain", "").strip()
            if PICTURES & set(data) and not (
                re.fullmatch(r"[^<].* .*[.!?]", sentence, re.DOTALL)
                and sentence in below.get("data", {}).get("text/markdown", "")
            ):
                yield f"cell {position}: a figure has no sentence below it: use `show`"
        verdict = {"check": "Not yet", "solution": "Right"}.get(_role(cell))
        if verdict and not (cell.outputs and verdict in output_text(cell.outputs[-1])):
            yield f"cell {position}: its output should be “{verdict}: …”"


def _exercises(notebook: NotebookNode) -> Iterator[str]:
    """Five cells in a row: heading, stub, check, hint, solution."""
    for position, cell in enumerate(notebook.cells, 1):
        if not cell.source.startswith("### Exercise"):
            continue
        where, following = f"cell {position}", notebook.cells[position : position + 4]
        if not EXERCISE.match(cell.source):
            yield f"{where}: write `### Exercise 1.2 · Title  (★★☆, 10 minutes)`"
        if [_role(cell) for cell in following] != ["exercise", "check", "", "solution"]:
            yield f"{where}: below it come stub, check, hint and solution, with their tags"
            continue
        _, check, hint, solution = following
        called = re.search(r"^check\.(\w+)\((\w+)\)\s*\Z", check.source, re.MULTILINE)
        if not called:
            yield f"{where}: the check ends in `check.NAME(answer)`"
            continue
        if not re.match(r"<details>\s*<summary>Hint.*</details>", hint.source, re.DOTALL):
            yield f"{where}: the hint is not folded: `<details><summary>Hint</summary>` …"
        folds = (
            solution.metadata.get("jupyter", {}).get("source_hidden"),
            solution.metadata.get("cellView"),
        )
        if folds != (True, "form") or not solution.source.startswith("# @title Solution"):
            yield f"{where}: the solution needs both folds (source_hidden, cellView) and its title"
        kept = f"your_{called[2]} = {called[2]}\n", f"check.{called[1]}.solution"
        if not any(words in solution.source for words in kept):
            yield f"{where}: the solution must keep the learner's {called[2]}: `@{kept[1]}`"
        if not solution.source.endswith(f"check.{called[1]}({called[2]}, solution=True)"):
            yield f"{where}: the solution ends in `check.{called[1]}({called[2]}, solution=True)`"
