import pytest

from core.figures.pages.compare_lines import Entrant
from tests.core.figures.pages.entrants import entrant


@pytest.fixture
def pair(rng) -> tuple[Entrant, Entrant]:
    return entrant(rng, "A"), entrant(rng, "B", 2.0)
