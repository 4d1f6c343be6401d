"""Hub data sets, and the cache in which they and other corpora are kept."""

from pathlib import Path
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest
from huggingface_hub import errors

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook.corpus import load, load_corpus
from course_lib.workbook.corpus.load import read_hub


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A pretended hub with one data set of 5,000 records."""
    state: dict = {"calls": []}
    rows = [{"text": f"record {number} " * 10, "id": number} for number in range(5000)]
    parts = {"test": rows[:1], "train": rows}

    def load(name: str, variant: str | None = None, *, streaming: bool) -> dict:
        assert streaming
        state["calls"].append(variant)
        if state.get("needs_variant") and variant is None:
            raise ValueError("Config name is missing. Please pick one among: ['b', 'c']")
        return {
            name: datasets.Dataset.from_list(part).to_iterable_dataset()
            for name, part in parts.items()
        }

    info = SimpleNamespace(card_data={"license": "cc0-1.0"})
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda self, name, timeout: info)
    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: ["b", "c"])
    return state


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_bounded_seeded_sample(online: dict) -> None:
    first = read_hub("someone/songs", budget=20_000, seed=1)
    assert 15_000 < sum(len(document.text) for document in first) <= 20_000
    assert first[0].id == "hub:someone/songs#0001"
    assert first[0].meta["source"] == "hub:someone/songs" and first[0].meta["licence"] == "cc0-1.0"
    assert read_hub("someone/songs", budget=20_000, seed=1) == first
    assert read_hub("someone/songs", budget=20_000, seed=2) != first


def test_of_several_variants_the_first_is_taken(online: dict) -> None:
    online["needs_variant"] = True
    assert read_hub("someone/songs", budget=1_000, seed=0)
    assert online["calls"] == [None, "b"]


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(self: object, name: str, timeout: float) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", fail)


RESPONSE = SimpleNamespace(status_code=404, headers={}, request=None, url="", reason="")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionError("offline"), "cannot be reached"),
        (errors.OfflineModeIsEnabled("offline"), "cannot be reached"),
        (TimeoutError(), "cannot be reached"),
        (errors.RepositoryNotFoundError("no", response=RESPONSE), "is no public data set"),
        (errors.GatedRepoError("no", response=RESPONSE), "accepted its terms"),
        (errors.HFValidationError("bad name"), "is no public data set"),
        (KeyError("odd"), "could not be read"),
    ],
)
def test_every_failure_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    fail_with(monkeypatch, error)
    with pytest.raises(CourseError, match=said) as caught:
        read_hub("someone/songs", budget=1_000, seed=0)
    assert "\n" not in str(caught.value) and "someone/songs" in str(caught.value)


def test_offline_for_real() -> None:
    """The tests run with HF_HUB_OFFLINE=1 and blocked sockets: nothing is mocked here."""
    with pytest.raises(CourseError, match="cannot be reached"):
        read_hub("someone/songs", budget=1_000, seed=0)


def test_a_connection_lost_on_the_way(online: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(name: str, *, streaming: bool) -> None:
        raise ConnectionError("lost")

    monkeypatch.setattr(datasets, "load_dataset", lost)
    with pytest.raises(CourseError, match="cannot be reached"):
        read_hub("someone/songs", budget=1_000, seed=0)


# The cache


def test_a_data_set_is_fetched_once(
    online: dict, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    corpus = load_corpus("hub:someone/songs", budget=20_000)
    fail_with(monkeypatch, ConnectionError("offline"))
    again = load_corpus("hub:someone/songs", budget=20_000)
    assert list(again) == list(corpus) and again.train.bytes == corpus.train.bytes
    with pytest.raises(CourseError, match="cannot be reached"):
        load_corpus("hub:someone/songs", budget=10_000)


def test_an_own_file_is_read_again_when_it_changes(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id;text\n1;one text\n2;another text\n", encoding="utf-8")
    first, again = load_corpus(path), load_corpus(path)
    assert list(first) == list(again) and again.notes == first.notes and not again.skipped
    assert "rows.csv: the separator is ';'." in again.notes
    path.write_text("id;text\n1;changed\n2;another\n", encoding="utf-8")
    assert "changed" in load_corpus(path).text()


def test_a_foreign_cache_is_made_anew(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A text of one line. " * 50, encoding="utf-8")
    expected = load_corpus(path).text()
    (cache,) = places.cache_folder().glob("corpus-own-*.arrow")
    table = load.pa.table({"id": ["x"]}).replace_schema_metadata({"course": "{}"})  # no key in it
    for foreign in (table, None):
        with cache.open("wb") as sink:
            if foreign is not None:
                with load.pa.ipc.new_file(sink, table.schema) as writer:
                    writer.write_table(table)
        assert load_corpus(path).text() == expected


def test_caches_depend_on_the_sources_that_read_and_split(tmp_path: Path) -> None:
    for name in ("words.py", "minhash.py"):
        (tmp_path / name).write_text("x = 1\n", encoding="utf-8")
    before = load.code_version(tmp_path)
    (tmp_path / "words.py").write_text("x = 2\n", encoding="utf-8")
    load.code_version.cache_clear()
    assert load.code_version(tmp_path) != before
    assert (load.Path(load.__file__).parent / "words.py").is_file()
