"""Cards: what forms, command line and comparison need to know of a method, without loading torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.knobs import Shape, knob
from core.scenarios import Scenario


def accepts_any(settings: Any, shape: Shape, scenario: Scenario, classes: int) -> str | None:
    """Refuses nothing."""
    return None


@dataclass(frozen=True)
class Score:
    """A named number per image, higher = more novel."""

    name: str
    title: str
    sentence: str


@dataclass(frozen=True)
class Published:
    """A figure of a paper, shown only where dataset, scenario and protocol are the same.

    options: the scenario options it was made with.  target: the class, or None for a mean over all of them.
    """

    dataset: str
    scenario: str
    score: str
    auroc: float
    source: str
    target: tuple[str, ...] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Card:
    """A method, as a person meets it.

    knobs: the settings dataclass.  scores: the main ones, headline first named.
    stages: names in order; main_stage: which of them replay follows.
    epochs: the knob that `--epochs` sets, the main stage's.
    refuses: (settings, image shape, scenario, number of normal classes) -> sentence or None.
    """

    name: str
    family: str
    title: str
    sentence: str
    paper: str
    knobs: type
    scores: tuple[Score, ...]
    headline: str
    stages: tuple[str, ...]
    main_stage: int = 0
    epochs: str = "epochs"
    refuses: Callable[[Any, Shape, Scenario, int], str | None] = accepts_any
    published: tuple[Published, ...] = ()

    def score(self, name: str) -> Score:
        """The score of this name."""
        return next(each for each in self.scores if each.name == name)


@dataclass(frozen=True)
class ThresholdKnobs:
    """What every method has: how the threshold is set from normal validation images."""

    normal_share: float = knob(
        0.95,
        label="Share of normal validation images accepted",
        help="The threshold is this quantile of the scores of normal validation images; "
        "an image is novel if its score is strictly above.",
        group="Threshold",
        low=0.5,
        high=1.0,
        after=True,
    )
