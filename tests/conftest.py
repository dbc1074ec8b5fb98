"""What every test may ask for: seeded random numbers, and the folder of real image sets where there is one."""

import os
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run, whatever other tests drew."""
    return np.random.default_rng(20_240_517)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real image sets: the first one of NOVELTY_DATA that exists, else shared/data beside the project."""
    named = [Path(name) for name in os.environ.get("NOVELTY_DATA", "").split(os.pathsep) if name]
    for folder in named or [PROJECT.parent / "shared" / "data"]:
        if folder.is_dir():
            return folder
    pytest.skip("No folder of real image sets: set NOVELTY_DATA to one, or put it at ../shared/data.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for `data_root` carries the marker `data`, so that `-m "not data"` leaves it out."""
    for item in items:
        if "data_root" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
