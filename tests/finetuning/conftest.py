"""One tiny Falcon for all tests of this folder."""

from pathlib import Path

import pytest
from tiny_falcon import save_falcon


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Falcon that knows a little of the handbook."""
    return save_falcon(tmp_path_factory.mktemp("models") / "tiny-falcon", steps=120)
