"""Two published pipelines as named steps for ``run_steps``, each with the word splitter as an argument.

What needs the web is left out: the lists of addresses that both block, and the pages' own source.
"""

from collections.abc import Callable
from functools import partial

from course_lib.cleaning.boilerplate import drop_site_lines
from course_lib.cleaning.c4 import clean_c4
from course_lib.cleaning.fineweb import drop_fineweb
from course_lib.cleaning.gopher import drop_low_quality
from course_lib.cleaning.html_text import extract_pages
from course_lib.cleaning.language import keep_languages
from course_lib.cleaning.log import Step
from course_lib.cleaning.near import drop_near
from course_lib.cleaning.repetition import drop_repetitive

Split = Callable[[str], list[str]]


def refinedweb(
    split: Split, language: str = "en", bands: int = 450, rows: int = 20
) -> dict[str, Step]:
    """Falcon's: Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", figure 2 and section 3.

    Its last step, exact substrings of 50 tokens, is in a module of its own and not among these.
    """
    return {
        "main text": extract_pages,
        "language": partial(keep_languages, languages=(language,)),
        "repetition": partial(drop_repetitive, split=split),
        "quality": partial(drop_low_quality, split=split),
        "site lines": drop_site_lines,
        "near duplicates": partial(drop_near, bands=bands, rows=rows),
    }


def fineweb(split: Split, language: str = "en") -> dict[str, Step]:
    """Penedo et al. 2024, "The FineWeb Datasets", section 3: C4 without its rule of end marks, and own rules."""
    return {
        "main text": extract_pages,
        "language": partial(keep_languages, languages=(language,)),
        "repetition": partial(drop_repetitive, split=split),
        "quality": partial(drop_low_quality, split=split),
        "C4": partial(clean_c4, split=split, need_end=False),
        "FineWeb": partial(drop_fineweb, split=split),
        "near duplicates": partial(drop_near, bands=14, rows=8),
    }
