"""The stored pictures: each has what draws it, and is drawn in the size that is stored."""

from io import BytesIO

import pytest
from make import FOLDER, pictures, png
from matplotlib.image import imread

DRAWN = pictures()


def test_every_stored_picture_has_what_draws_it() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == set(DRAWN)


@pytest.mark.parametrize("name", ["02_sigmoid", "04_minhash"])
def test_a_picture_is_drawn_in_the_stored_size(name: str) -> None:
    assert imread(BytesIO(png(DRAWN[name]))).shape == imread(FOLDER / f"{name}.png").shape
