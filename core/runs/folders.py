"""Where runs lie: the user's own, and those that ship with the app."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def root() -> Path:
    """The folder of the user's own runs."""
    return Path(os.environ.get("NOVELTY_CHECKPOINTS") or PROJECT / "checkpoints").resolve()


def shipped_root() -> Path:
    return PROJECT / "checkpoints" / "shipped"
