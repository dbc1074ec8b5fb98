"""What every test may ask for: seeded random numbers, a store with trained runs, the folder of real image sets."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[1]
os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch loads: on small networks two threads mostly wait for each other
os.environ["NOVELTY_CACHE"] = tempfile.mkdtemp(prefix="novelty-cache-")  # decoded sets; a test leaves none at home
os.environ.setdefault("NOVELTY_MIRROR", "off")  # a test that submits a run leaves no MLflow mirror behind
os.environ.setdefault("NOVELTY_WARM", "off")  # nor a process that waits for the next


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


TRAINED = ("rapp-ae", "rapp-vae", "rapp-aae")
TRAIN = """
import sys
from core.runs import spec, store
from core.runs.process import worker
for method in sys.argv[1:]:
    request = spec.request("digits", "multimodal", "3", method, changes={"epochs": 4, "layers": 4, "batch_size": 256})
    run = worker.execute(store.create(request))
    assert run.state == store.FINISHED, run.sentence
"""


@pytest.fixture(scope="session")
def trained_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a finished run of each of TRAINED on digits, all but 3, after four epochs. Leave it as it is."""
    folder = tmp_path_factory.mktemp("trained")
    # A process of its own keeps torch and its settings out of the tests.
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(folder), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", TRAIN, *TRAINED], cwd=PROJECT, env=environment, check=True)
    return folder


@pytest.fixture
def store_with_runs(trained_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`trained_store` as this test's store. Where a test writes, it copies the folder and sets NOVELTY_CHECKPOINTS."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(trained_store))
    monkeypatch.setattr(
        "core.runs.folders.shipped_root", lambda: trained_store / "shipped"
    )  # none: it has these runs alone
    return trained_store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for `data_root` carries the marker `data`, so that `-m "not data"` leaves it out."""
    for item in items:
        if "data_root" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
