"""The README's ledger: each of our pieces equals its counterpart, and the table says so truly."""

import ledger
import pytest

from course_lib.places import REPOSITORY


@pytest.mark.parametrize("row", ledger.ROWS, ids=lambda row: f"{row.modules[-1]}-{row.compared}")
def test_each_row_holds(row: object) -> None:
    found = row.measure()
    print(f"{row.modules[-1]} against {row.counterpart}: {found:.2e}, {row.lines} lines")
    assert found <= row.most


def test_the_readme_has_the_table_as_it_is_now() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert ledger.table() in readme, "run `python benchmarks/ledger.py`"
