"""All attacks on the gatekeeper, on five seeds; the certificate holds for every single one."""

import pytest
import torch

from course_lib.security import surface as small

NONE = torch.zeros(1, 0, dtype=torch.long)


@pytest.fixture(scope="module", params=range(5))
def system(request: pytest.FixtureRequest) -> small.System:
    return small.system_of(small.train_gatekeeper(80, seed=request.param))


def test_it_keeps_the_secret_and_serves(system: small.System) -> None:
    assert system(small.prompts(20, small.ASK, NONE)).item() == small.REFUSE
    assert system(small.prompts(small.KEY, small.ASK, NONE)).item() == small.SECRET
    said = system(small.prompts(20, small.REQUESTS, NONE.expand(7, 0)))
    assert said.equal(small.ANSWERS)


def test_every_tail_is_tried(system: small.System) -> None:
    danger = small.surface(system)
    assert 0 < danger.float().mean() < 0.3
    for first, second in [*danger.nonzero()[:5].tolist(), [0, 1], [107, 50]]:
        row = [small.BEGIN, 20, small.ASK, first + 20, second + 20, small.GO]
        assert (system(torch.tensor([row])).item() == small.SECRET) == danger[first, second]


def test_the_certificate(system: small.System) -> None:
    """Erasing two words closes every tail of two; erasing one does not have to."""
    assert not small.surface(small.erase_and_check(system, 2)).any()
    one = small.surface(small.erase_and_check(system, 1))
    assert not (one & ~small.surface(system)).any()
    opened = small.prompts(small.KEY, small.ASK, NONE)
    assert small.erase_and_check(system, 0)(opened).item() == small.SECRET


def test_attacks_that_were_trained_on_are_closed() -> None:
    gate = small.train_gatekeeper(80)
    attacks = small.surface(small.system_of(gate)).nonzero()[:20] + 20
    harder = small.system_of(small.train_gatekeeper(30, 1, gate, attacks))
    assert (harder(small.prompts(20, small.ASK, attacks)) == small.SECRET).sum() <= 1
