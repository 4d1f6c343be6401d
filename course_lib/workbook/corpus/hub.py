"""Data sets of the Hugging Face hub as documents, when the hub can be reached."""

from collections.abc import Iterator

from course_lib.errors import CourseError
from course_lib.workbook.corpus.document import Document
from course_lib.workbook.corpus.parts import Problem
from course_lib.workbook.corpus.records import Record, parts_of_records
from course_lib.workbook.progress import bar

SECONDS = 10  # to wait for the hub's first answer
SHUFFLED = 1_000  # records among which the order is mixed
OFFLINE = (
    "The Hugging Face hub cannot be reached from here, so hub:{name} cannot be read: go online and "
    "try again, or choose a built-in corpus or a folder of your own."
)


def read_hub(name: str, *, budget: int, seed: int) -> list[Document]:
    """About ``budget`` bytes of text of the data set ``name``, in a seeded order.

    Streamed: reading stops when the budget is full, so a data set of any size will do. The
    text column is found as in own files; the part ``train`` is taken if there is one. Raises
    ``CourseError`` with one sentence when the hub or the data set cannot be had.
    """
    name = name.strip()
    facts = _facts(name)
    documents: list[Document] = []
    size = 0
    try:
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
    except CourseError:
        raise
    except Exception as error:
        raise _sentence(name, error) from error
    if not documents:
        raise CourseError(f"The data set hub:{name} has no text in it: choose another one.")
    return documents


def _facts(name: str) -> dict[str, str | int]:
    """What the hub says about the data set: first of all that it is there."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(name, timeout=SECONDS)
    except Exception as error:
        raise _sentence(name, error) from error
    licence = (info.card_data or {}).get("license")
    return {"source": f"hub:{name}", **({"licence": str(licence)} if licence else {})}


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


def _sentence(name: str, error: Exception) -> CourseError:
    """What went wrong, for the reader."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return CourseError(
            f"hub:{name} is only given to people who accepted its terms: do so on its page, log in "
            "with `hf auth login`, and try again."
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return CourseError(
            f"The hub has no public data set {name!r}: check how the name is written."
        )
    if "script" in str(error) and isinstance(error, RuntimeError):
        return CourseError(
            f"hub:{name} can only be read by a program of its own, which is not run: choose another."
        )
    if isinstance(error, OSError) or "http" in type(error).__module__:
        return CourseError(OFFLINE.format(name=name))
    said = " ".join(str(error).split())[:150]
    return CourseError(f"hub:{name} could not be read ({said}): choose another data set.")
