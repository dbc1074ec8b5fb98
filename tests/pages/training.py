"""Stores with short runs for tests of pages, trained in a process of their own, which keeps torch out of the tests."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
BEFORE = """
import sys, types
from core.runs import spec, store
from core.runs.process import worker

class UMAP:  # the real one compiles for half a minute
    def __init__(self, n_components, **options): self.size = n_components
    def fit(self, points):
        self.embedding_ = points[:, :self.size]
        return self
    def transform(self, points): return points[:, :self.size]

sys.modules["umap"] = types.SimpleNamespace(UMAP=UMAP)
"""


def trained(folder: Path, script: str) -> Path:
    """The folder as a store, after a script has trained its runs; spec, store and worker are imported before it."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(folder), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", BEFORE + script], cwd=PROJECT, env=environment, check=True)
    return folder
