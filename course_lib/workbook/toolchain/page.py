"""A notebook as one HTML file that loads nothing: no scripts, no fonts, no pictures from elsewhere."""

import html
import re

import nbformat
from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from course_lib.workbook.toolchain.formulas import draw_formulas

# The browser itself then refuses any request, whatever an output contains.
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
STYLE = """
body{font:16px/1.6 system-ui,sans-serif;color:#1c1c1c;max-width:54em;margin:0 auto;padding:1em 1.5em 4em}
h1,h2,h3{line-height:1.25} nav{font-size:.9em;border-bottom:1px solid #ccc;padding-bottom:.4em}
pre{font:13.5px/1.45 ui-monospace,Menlo,Consolas,monospace;overflow-x:auto;margin:0;white-space:pre-wrap}
.code_cell{margin:1em 0} .input_area{background:#f5f5f5;border-left:3px solid #3f90da;padding:.5em .8em}
.output_area{padding:.4em .8em} .prompt{display:none} img{max-width:100%} img.formula{max-width:none}
table{border-collapse:collapse} td,th{border-bottom:1px solid #ddd;padding:.3em .7em;text-align:left;vertical-align:top}
blockquote{border-left:3px solid #94a4a2;margin-left:0;padding-left:1em}
.failed{border-left:4px solid #bd1f01;padding-left:.8em} .anchor-link{display:none} summary{cursor:pointer}
"""
TEMPLATE = """{%- extends 'classic/base.html.j2' -%}
{% block input_group -%}
{%- if 'solution' in cell.metadata.get('tags', []) -%}
<details><summary>Solution</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock input_group %}"""
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
# The Markdown converter ends a folded hint before its text; it belongs inside.
_CLOSED_TOO_EARLY = re.compile(
    r"(<details><summary>Hint</summary>\s*)</details>(.*?)(?=</div>)", re.DOTALL
)


def document(title: str, body: str) -> str:
    """A whole HTML page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}{HtmlFormatter().get_style_defs('.highlight')}</style>"
        f"</head><body>\n{body}\n</body></html>\n"
    )


def page(notebook: NotebookNode, title: str, before: str = "") -> str:
    """The page of an executed notebook; ``before`` is HTML that stands above it.

    Formulas become pictures (``formulas.py``), solutions are folded, scripts are left out.
    """
    copy = nbformat.from_dict(notebook)
    copy.cells = [nbformat.from_dict(cell) for cell in notebook.cells]
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = draw_formulas(cell.source)
    exporter = HTMLExporter(
        template_name="basic",
        template_file="course.html.j2",
        embed_images=True,
        extra_loaders=[DictLoader({"course.html.j2": TEMPLATE})],
    )
    body, _ = exporter.from_notebook_node(copy)
    navigation = '<nav><a href="index.html">All notebooks</a></nav>\n'
    body = _CLOSED_TOO_EARLY.sub(r"\1\2</details>", _SCRIPT.sub("", body))
    return document(title, navigation + before + body)
