"""How every method trains: stages in order, batches by index, progress, resume.

Knows no method, no run and no page.
"""

from core.training.device import TaskTensors, choose, on_device, seed_everything
from core.training.loop import Checkpoint, Stage, train
from core.training.progress import Progress, batches

__all__ = [
    "Checkpoint",
    "Progress",
    "Stage",
    "TaskTensors",
    "batches",
    "choose",
    "on_device",
    "seed_everything",
    "train",
]
