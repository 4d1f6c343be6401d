"""Both ways to four bits."""

from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def bnb() -> ModuleType:
    return pytest.importorskip("bitsandbytes").functional


@pytest.fixture(params=["bitsandbytes", "course"])
def use_bitsandbytes(request) -> bool:
    return request.param == "bitsandbytes" and bool(request.getfixturevalue("bnb"))
