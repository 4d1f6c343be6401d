"""Hub data sets: one clear sentence when they cannot be had, a bounded sample when they can."""

from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest
from huggingface_hub import errors

from course_lib.errors import CourseError
from course_lib.workbook.corpus.hub import read_hub


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
        (errors.RepositoryNotFoundError("no", response=RESPONSE), "no public data set"),
        (errors.GatedRepoError("no", response=RESPONSE), "accepted its terms"),
        (errors.HFValidationError("bad name"), "no public data set"),
        (RuntimeError("Dataset scripts are no longer supported"), "program of its own"),
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
