"""Arrays that all runs of one task have alike: computed once, under a lock, and linked into the folder of each.

They lie in `.tasks/<hash>/` of the store. A link costs no space and no time; where the file system has none, they are
copied. Files of a run are replaced, never written into, so that no run can change what another one shows.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from core.methods.base import Arrays
from core.runs import files
from core.runs.store import Run, root
from core.scenarios import TaskSpec


def shared_folder(spec: TaskSpec) -> Path:
    """Where what belongs to the task is kept."""
    folder = root() / ".tasks" / spec.hash
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def put(run: Run, name: str, compute: Callable[[], Arrays]) -> None:
    """Have `name`.npz in the run's folder, computed only where no run of its task has it."""
    task = run.spec.task
    if not task.images:  # without a digest of its images nobody knows whether two tasks are one
        files.write_arrays(run.folder / f"{name}.npz", compute())
        return
    folder = shared_folder(task)
    kept = folder / f"{task.dataset}-{name}.npz"  # a set of another name may call the same classes differently
    with FileLock(folder / f"{name}.lock"):
        if not kept.exists():
            files.write_arrays(kept, compute())
    with files.replacing(run.folder / f"{name}.npz") as temporary:
        temporary.unlink()
        try:
            os.link(kept, temporary)
        except OSError:
            shutil.copyfile(kept, temporary)
