"""How every method trains: stages in order, batches by index, progress, resume.

Knows no method, no run and no page.
"""

from core.training.device import TaskTensors, choose, on_device, seed_everything
from core.training.loop import Checkpoint, Stage, train
from core.training.optimisers import SGD, Adam, RMSprop
from core.training.progress import Progress, batches
from core.training.stages import BestWeights, Descent, DetectorStage, Learning, Redrawing, descend, load_optimiser

__all__ = [
    "SGD",
    "Adam",
    "BestWeights",
    "Checkpoint",
    "Descent",
    "DetectorStage",
    "Learning",
    "Progress",
    "RMSprop",
    "Redrawing",
    "Stage",
    "TaskTensors",
    "batches",
    "choose",
    "descend",
    "load_optimiser",
    "on_device",
    "seed_everything",
    "train",
]
