import pytest

from core import scenarios, training
from core.runs import store
from tests.core.runs.results.small import CPU, spec


@pytest.fixture(scope="module")
def task() -> scenarios.Task:
    return scenarios.build(spec().task)


@pytest.fixture(scope="module")
def tensors(task) -> training.TaskTensors:
    return training.on_device(task, CPU)


@pytest.fixture
def new_run(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    return lambda *args, **options: store.create(spec(*args, **options))
