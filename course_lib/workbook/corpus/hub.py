"""Data sets of the Hugging Face hub as documents, when the hub can be reached."""

from collections.abc import Iterator

from course_lib.errors import CourseError
from course_lib.workbook.corpus.document import Document
from course_lib.workbook.corpus.parts import Problem
from course_lib.workbook.corpus.records import Record, parts_of_records
from course_lib.workbook.display import bar

SECONDS = 10  # to wait for the hub's first answer
SHUFFLED = 1_000  # records among which the order is mixed


def read_hub(name: str, *, budget: int, seed: int) -> list[Document]:
    """About ``budget`` bytes of text of the data set ``name``, in a seeded order.

    Streamed: reading stops when the budget is full, so a data set of any size will do. The
    text column is found as in own files; the part ``train`` is taken if there is one. Raises
    ``CourseError`` with one sentence when the hub or the data set cannot be had.
    """
    from huggingface_hub import HfApi

    documents: list[Document] = []
    size = 0
    try:
        info = HfApi().dataset_info(name, timeout=SECONDS)  # first of all: is it there?
        licence = (info.card_data or {}).get("license")
        facts = {"source": f"hub:{name}", **({"licence": str(licence)} if licence else {})}
        with bar(description=f"Reading hub:{name}", total=budget, unit="B") as moving:
            for number, part in enumerate(parts_of_records(_records(name, seed)), 1):
                if isinstance(part, Problem):
                    continue
                text, meta = part
                count = len(text.encode("utf-8", "replace"))
                if documents and size + count > budget:
                    break
                documents.append(Document(f"hub:{name}#{number:04d}", text, {**meta, **facts}))
                size += count
                moving.update(count)
    except Exception as error:
        raise CourseError(f"hub:{name} {_cause(error)}.") from error
    if not documents:
        raise CourseError(f"The data set hub:{name} has no text in it: choose another one.")
    return documents


def _records(name: str, seed: int) -> Iterator[Record]:
    import datasets

    try:
        parts = datasets.load_dataset(name, streaming=True)
    except ValueError as error:  # several variants, none of them the default: take the first
        if "config name is missing" not in str(error).lower():
            raise
        variant = datasets.get_dataset_config_names(name)[0]
        parts = datasets.load_dataset(name, variant, streaming=True)
    part = parts["train"] if "train" in parts else next(iter(parts.values()))
    yield from part.shuffle(seed=seed, buffer_size=SHUFFLED)


def _cause(error: Exception) -> str:
    """What went wrong and what to do, for the reader."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            "is only given to people who accepted its terms: do so on its page, log in with "
            "`hf auth login`, and try again"
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return "is no public data set of the hub: check how the name is written"
    if "script" in str(error) and isinstance(error, RuntimeError):
        return "can only be read by a program of its own, which is not run: choose another"
    if isinstance(error, OSError) or "http" in type(error).__module__:
        return (
            "cannot be read, because the Hugging Face hub cannot be reached from here: go online "
            "and try again, or choose a built-in corpus or a folder of your own"
        )
    return f"could not be read ({' '.join(str(error).split())[:150]}): choose another data set"
