"""What starting a grid would mean: how many runs, how many are left, how long.  Asked before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.runs import duration
from core.runs.run import FINISHED
from core.sweeps import cells, rows
from core.sweeps.cells import Cell

ASKED_FROM = 200  # runs above which a person is asked whether they are meant


@dataclass(frozen=True)
class Plan:
    """runs: of the grid, with those that can't be trained.  done: finished already.  left: to train.

    refused: the cells that can't be trained.  seconds: about how long the rest takes, so many `jobs` at once; None
    where nothing is known.
    """

    runs: int
    done: int
    left: int
    refused: tuple[Cell, ...]
    seconds: float | None
    jobs: int

    def in_words(self, name: str) -> str:
        """`latent: 12 runs, 3 are done, 9 are left; about 4 min with 2 at once.`, then why some can't be trained."""
        time = "of unknown length" if self.seconds is None else duration.in_words(self.seconds)
        told = (
            f"{name}: {self.runs:,} run{'' if self.runs == 1 else 's'}, {self.done:,} are done, {self.left:,} are left"
        )
        told += f", {len(self.refused):,} can't be trained" if self.refused else ""
        told += f"; {time} with {self.jobs} at once." if self.left else "."
        return "\n".join([told, *dict.fromkeys(cell.refusal for cell in self.refused)])


def plan(found: Sequence[Cell], jobs: int) -> Plan:
    """What is left of these cells, so many at once."""
    specs = [cell.spec for cell in found if cell.spec]
    known = rows.runs_of(specs)
    left = [spec for spec in specs if spec.hash not in known or known[spec.hash].state != FINISHED]
    refused = tuple(cell for cell in found if not cell.spec)
    seconds = cells.total_seconds(left, jobs)
    return Plan(len(found), len(specs) - len(left), len(left), refused, seconds, jobs)
