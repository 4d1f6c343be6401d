"""The anatomy of a notebook, checked cell by cell: ``problems(notebook, name)``.

``parts.py`` has the table of headings, ``exercises_check.py`` the five cells of an exercise,
``outputs_check.py`` what may be committed as an output. Here: the cells themselves.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from statistics import median

from nbformat import NotebookNode

from course_lib.workbook.toolchain import exercises_check, outputs_check, parts

CODE_LINES, CODE_MEDIAN = 25, 10
TEXT_WORDS, TEXT_MEDIAN = 150, 70
TAGS = ("setup", "exercise", "check", "solution", outputs_check.IGNORED)
_HOT = re.compile(
    r"""!\[[^\]]*\]\(\s*(?:https?:)?//                                  # Markdown pictures
    |<(?:img|script|iframe|link|source|video|audio|embed|object|image|use)\b[^>]*
      (?:src|href|data)\s*=\s*\\?["']?(?:https?:)?//                    # HTML and SVG
    |(?:url\(|@import\s)\s*["']?(?:https?:)?//                          # CSS
    |\b(?:IFrame|Image|Video|Audio|SVG|HTML)\(\s*(?:\w+\s*=\s*)?["']https?://   # IPython.display
    |\bYouTubeVideo\(|\bVimeoVideo\(""",
    re.IGNORECASE | re.VERBOSE,
)
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@((?:[\w-]{1,63}\.)*[a-zA-Z][\w-]{0,62}[a-zA-Z])"
)  # never quadratic
_RESERVED = re.compile(
    r"(^|\.)(example|invalid|test|localhost)$|(^|\.)example\.(com|org|net)$", re.IGNORECASE
)
Rule = Callable[[NotebookNode, str], Iterator[str]]


def code_lines(source: str) -> int:
    """Lines of a code cell that are not blank."""
    return sum(bool(line.strip()) for line in source.splitlines())


def check_lengths(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Small cells: each below the limit, and the median well below it."""
    lines, words = [], []
    for position, cell in enumerate(notebook.cells, 1):
        if not cell.source.strip():
            yield f"cell {position}: it is empty"
        elif cell.cell_type == "code":
            if "setup" in cell.metadata.get("tags", []):
                continue
            lines.append(code_lines(cell.source))
            if lines[-1] > CODE_LINES:
                yield f"cell {position}: {lines[-1]} lines of code, at most {CODE_LINES}"
        else:
            words.append(len(cell.source.split()))
            if words[-1] > TEXT_WORDS:
                yield f"cell {position}: {words[-1]} words, at most {TEXT_WORDS}"
    if lines and median(lines) > CODE_MEDIAN:
        yield f"code cells have {median(lines):g} lines in the median, at most {CODE_MEDIAN}"
    if words and median(words) > TEXT_MEDIAN:
        yield f"text cells have {median(words):g} words in the median, at most {TEXT_MEDIAN}"


def check_links(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Nothing is fetched from elsewhere when a notebook is opened or run. Plain links are fine."""
    for position, cell in enumerate(notebook.cells, 1):
        texts = [cell.source, *map(outputs_check.output_text, cell.get("outputs", []))]
        if any(_HOT.search(text) for text in texts):
            yield f"cell {position}: a picture, script, style or frame comes from elsewhere: store it here"


def check_code(notebook: NotebookNode, name: str) -> Iterator[str]:
    """No trailing semicolons, known tags, and an assertion where the output is not compared."""
    for position, cell in enumerate(notebook.cells, 1):
        tags = cell.metadata.get("tags", [])
        unknown = [tag for tag in tags if tag not in TAGS]
        if unknown:
            yield f"cell {position}: unknown tag {', '.join(unknown)}; there are {', '.join(TAGS)}"
        if cell.cell_type != "code":
            continue
        if any(line.split("#")[0].rstrip().endswith(";") for line in cell.source.splitlines()):
            yield f"cell {position}: a trailing semicolon hides output from the tests"
        if re.search(r"#\s*(?:NBVAL_|PYTEST_VALIDATE_)", cell.source):
            yield f"cell {position}: use the tag {outputs_check.IGNORED}, not a comment for nbval"
        if outputs_check.IGNORED in tags and "setup" not in tags and not asserts(cell.source):
            yield f"cell {position}: its output is not compared, so it must assert what holds everywhere"


def asserts(source: str) -> bool:
    """True when the code asserts something that is not a constant."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a %magic
        return bool(re.search(r"^\s*assert (?!True\b|1\b)", source, re.MULTILINE))
    return any(
        isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)
        for node in ast.walk(tree)
    )


def check_emails(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Addresses are invented, at domains that are reserved for that (RFC 2606)."""
    for position, cell in enumerate(notebook.cells, 1):
        source = literals(cell.source) if cell.cell_type == "code" else cell.source
        text = "\n".join([source, *map(outputs_check.output_text, cell.get("outputs", []))])
        for domain in sorted(set(_EMAIL.findall(text))):
            if not _RESERVED.search(domain) and ("." in domain or domain == "localhost"):
                yield f"cell {position}: an e-mail address at {domain}"


def literals(source: str) -> str:
    """The strings and comments of some code: elsewhere ``@`` multiplies matrices."""
    wanted = {
        tokenize.STRING,
        tokenize.COMMENT,
        getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
    }
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return source
    return "\n".join(token.string for token in tokens if token.type in wanted)


def check_metadata(notebook: NotebookNode, name: str) -> Iterator[str]:
    """The kernel that every machine has, no widget state, no execution times."""
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernelspec is not python3"
    if "widgets" in notebook.metadata:
        yield "widget state is stored: normalise the notebook"
    if any("execution" in cell.metadata for cell in notebook.cells):
        yield "execution times are stored: normalise the notebook"


SOURCE_RULES: tuple[Rule, ...] = (
    parts.check_title,
    parts.check_order,
    parts.check_contents,
    parts.check_picture,
    parts.check_setup_cell,
    check_lengths,
    check_links,
    check_code,
    check_emails,
    check_metadata,
    exercises_check.check_exercises,
    outputs_check.check_size,
)
OUTPUT_RULES: tuple[Rule, ...] = (
    exercises_check.check_verdicts,
    outputs_check.check_outputs,
    outputs_check.check_figures,
    outputs_check.check_corpus,
    outputs_check.check_paths,
    outputs_check.check_compared,
)


def problems(notebook: NotebookNode, name: str) -> list[str]:
    """Everything that is wrong with the notebook called ``name``: ``cell N: sentence``."""
    found = [problem for rule in SOURCE_RULES for problem in rule(notebook, name)]
    if any(cell.get("execution_count") or cell.get("outputs") for cell in notebook.cells):
        return found + [problem for rule in OUTPUT_RULES for problem in rule(notebook, name)]
    return [*found, "it has not been executed: run `python3 -m course_lib notebooks --execute`"]
