"""When plural centres help, and what that can be seen beforehand tells it, from the runs of a table.

    python -m core reproduce multi-radius-groups [--epochs 10]
    python -m tests.benchmarks.plural_centres [--epochs 10]

Reads the runs that `reproduce` has trained with these words and trains nothing. Prints a Markdown table of the groups,
mean AUROC over the seeds, and the rank correlation over the groups (Spearman) of each fact with the gain over one
centre, and with how far the seeds lie apart. The facts of FINCH's clusters need no label and no test image: how many,
silhouette, smallest, and how far the seeds agree.
"""

import argparse
import statistics
from collections.abc import Sequence

from scipy.stats import spearmanr

from core.reproduce.cells import Cell, cells
from core.reproduce.tables import SHORTENED, table
from core.runs import store
from core.runs.results import partitions
from core.runs.store import Run

ONE, BOUNDARY, DISTANCE = "one-centre", "finch-s-clusters", "finch-s-clusters-distance"
HIDDEN = "hidden-classes-distance"


def runs(cell: Cell) -> list[Run]:
    """Those of a cell, one for each seed."""
    found = [store.same(spec) for seeds in cell.specs for spec in seeds]
    if not all(run and run.state == store.FINISHED for run in found):
        raise SystemExit(f"{cell.key} isn't trained yet. Run `python -m core reproduce multi-radius-groups` first.")
    return [run for run in found if run]


def aurocs(cell: Cell) -> list[float]:
    """Of each seed."""
    score = cell.key.split("/")[1]
    return [run.metrics(score)["auroc"]["value"] for run in runs(cell)]


def auroc(cell: Cell) -> float:
    """Mean over the seeds."""
    return statistics.mean(aurocs(cell))


def row(found: dict[str, Cell]) -> dict[str, float]:
    """The figures of one group, by what they are."""
    facts = partitions.facts(runs(found[BOUNDARY]))
    assert facts and facts.agreement is not None
    one = auroc(found[ONE])
    return {
        "one centre": one,
        "FINCH, boundary": auroc(found[BOUNDARY]),
        "FINCH, distance": auroc(found[DISTANCE]),
        "hidden classes, distance": auroc(found[HIDDEN]),
        "gain of FINCH, distance": auroc(found[DISTANCE]) - one,
        "gain of FINCH, boundary": auroc(found[BOUNDARY]) - one,
        "seeds of FINCH, distance, apart": max(aurocs(found[DISTANCE])) - min(aurocs(found[DISTANCE])),
        "clusters": statistics.mean(facts.counts),
        "silhouette": statistics.mean(facts.silhouettes),
        "smallest cluster": statistics.mean(facts.smallest),
        "agreement of seeds": facts.agreement,
    }


def correlations(rows: Sequence[dict[str, float]], what: str) -> dict[str, tuple[float, float]]:
    """Rank correlation of each fact with what it might tell, and its p-value, over the groups."""
    names = ("clusters", "silhouette", "smallest cluster", "agreement of seeds", "one centre")
    return {name: tuple(spearmanr([each[name] for each in rows], [each[what] for each in rows])) for name in names}


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--epochs", type=int)
    asked = words.parse_args()
    groups = table("multi-radius-groups")
    found: dict[str, dict[str, Cell]] = {}
    for cell in cells(groups, SHORTENED, epochs=asked.epochs):
        method, _, group = cell.key.split("/")
        found.setdefault(group, {})[method] = cell
    rows = [row(each) for each in found.values()]
    print(f"| group | {' | '.join(rows[0])} |\n|{' --- |' * (1 + len(rows[0]))}")
    for group, each in zip(found, rows, strict=True):
        print(f"| {group.replace('-', ', ')} | {' | '.join(f'{value:.3f}' for value in each.values())} |")
    for what in ("gain of FINCH, distance", "gain of FINCH, boundary", "seeds of FINCH, distance, apart"):
        told = (f"{name} {rank:+.2f} (p {p:.2f})" for name, (rank, p) in correlations(rows, what).items())
        print(f"\nRank correlation with {what}: {', '.join(told)}.")


if __name__ == "__main__":
    main()
