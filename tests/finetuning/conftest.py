"""One tiny Falcon for all tests of this folder, and both ways to four bits."""

from pathlib import Path
from types import ModuleType

import pytest
from tiny_falcon import save_falcon


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a tiny Falcon that knows a little of the handbook."""
    return save_falcon(tmp_path_factory.mktemp("models") / "tiny-falcon", steps=40)


@pytest.fixture(scope="session")
def bnb() -> ModuleType:
    return pytest.importorskip("bitsandbytes").functional


@pytest.fixture(params=["bitsandbytes", "course"])
def use_bitsandbytes(request) -> bool:
    return request.param == "bitsandbytes" and bool(request.getfixturevalue("bnb"))
