"""Tasks on digits, one of each kind."""

from core.scenarios import SCENARIOS, Task, build, task_spec

TARGETS = {"several-normal": "0,1,3", "latent-super-category": "CUR", "cross-dataset": "0,1,2,3,4"}
KINDS = list(SCENARIOS)


def digits_task(kind: str, split_seed: int = 0, **options) -> Task:
    return build(task_spec("digits", kind, TARGETS.get(kind, "3"), options, split_seed))


def places(task: Task, split: str) -> set[tuple[int, int]]:
    rows = task.rows(split)
    return set(zip(rows.pool.tolist(), rows.index.tolist(), strict=True))
