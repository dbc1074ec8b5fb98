"""Scenarios: rules that make some classes normal and some novel, and so turn a dataset into a task.

Every split is seeded, stored as indices, and keeps a group of images (tracks of one sign, copies of one file) on one
side. Hidden class labels travel with the test set for pictures; a method learns from classes only by `Task.labels`.

To add a scenario, write a file with one function, decorate it with `@scenario`, and name the file in KINDS.
"""

import importlib

from core.scenarios.groups import super_categories
from core.scenarios.splits import Rows
from core.scenarios.table import (
    SCENARIOS,
    Scenario,
    build,
    changed,
    named,
    offer,
    scenario,
    sets_read,
    task_spec,
)
from core.scenarios.task import NORMAL, NOVEL, Brought, Offer, Task, TaskSpec

KINDS = ("multimodal", "unimodal", "several_normal", "latent_super_category", "contaminated", "cross_dataset")

for _kind in KINDS:  # importing a file enters its scenario in the table, in this order
    importlib.import_module(f"core.scenarios.{_kind}")

__all__ = [
    "NORMAL",
    "NOVEL",
    "SCENARIOS",
    "Brought",
    "Offer",
    "Rows",
    "Scenario",
    "Task",
    "TaskSpec",
    "build",
    "changed",
    "named",
    "offer",
    "scenario",
    "sets_read",
    "super_categories",
    "task_spec",
]
