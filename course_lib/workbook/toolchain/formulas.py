"""Formulas as pictures inside the page, so that the book needs no script and no network."""

import base64
import html
import re
from functools import lru_cache
from io import BytesIO

# Code first, so that a dollar inside it stays one.
_CODE_OR_FORMULA = re.compile(
    r"(?P<code>^```.*?^```|`+[^`]+`+)|\$\$(?P<display>.+?)\$\$|(?<![\\\w$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?![\w$])",
    re.MULTILINE | re.DOTALL,
)


def draw_formulas(markdown: str) -> str:
    """Markdown with each ``$…$`` and ``$$…$$`` replaced by a picture; one that cannot be drawn is kept as text."""

    def drawn(match: re.Match) -> str:
        if match["code"]:
            return match["code"]
        if match["display"]:
            return f'\n<p style="text-align:center">{_picture(match["display"])}</p>\n'
        return _picture(match["inline"])

    return _CODE_OR_FORMULA.sub(drawn, markdown)


@lru_cache(maxsize=1000)
def _picture(formula: str) -> str:
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    text = " ".join(formula.split())
    stream = BytesIO()
    try:
        depth = math_to_image(f"${text}$", stream, prop=FontProperties(size=12), format="svg")
    except (ValueError, RuntimeError):  # mathtext knows most of TeX's formulas, not all
        return f"<code>{html.escape(text)}</code>"
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    style = f"vertical-align:-{depth:.1f}pt"
    return f'<img class="formula" alt="{html.escape(text)}" style="{style}" src="data:image/svg+xml;base64,{data}">'
