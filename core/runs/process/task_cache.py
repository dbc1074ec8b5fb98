"""What one training leaves for the next in the same process: its task on the device, and how many threads there were.

A sweep's worker trains many runs, most of them on the task before; methods only read the images.
"""

import functools
from typing import TYPE_CHECKING

from core import scenarios
from core.scenarios import Task, TaskSpec

if TYPE_CHECKING:
    import torch

    from core.training import TaskTensors

_last: dict[tuple[str, str, str], tuple[Task, "TaskTensors"]] = {}


def loaded(spec: TaskSpec, device: "torch.device") -> tuple[Task, "TaskTensors"]:
    """The task and its tensors on the device; those of the last call where they are the same.

    Raises as `scenarios.build`, also where the images have changed since.
    """
    from core import training

    key = (spec.dataset, spec.hash, str(device))
    if key not in _last or not spec.images or scenarios.changed(spec):
        _last.clear()  # before the next one is loaded: two would take twice the memory
        task = scenarios.build(spec)
        _last[key] = (task, training.on_device(task, device))
    return _last[key]


@functools.cache
def default_threads() -> int:
    """How many threads torch had when it was first asked, before any training set its own number."""
    import torch

    return torch.get_num_threads()
