"""Cards: what forms, command line and comparison need to know of a method, without loading torch."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.evaluation import Impurities, Quantile, ThresholdRule
from core.knobs import Shape, knob
from core.scenarios import Offer
from core.scenarios.contaminated import IMPURE


def accepts_any(settings: Any, offer: Offer) -> str | None:
    """Refuses nothing."""
    return None


KNOWN_SIDES = (8, 28, 32)  # at which the sets come that papers measure, but for Tiny-ImageNet
SIDES = (8, *range(16, 65))  # of the images that most networks take


def is_own(shape: Shape) -> bool:
    """Whether the side is none of a known set: the images are somebody's own, and mostly a few hundred.

    So few make few steps an epoch: quick presets take small batches of them, and more epochs of the cheaper stages.
    """
    return shape[1] not in KNOWN_SIDES


def refuses_side(
    networks: str, offer: Offer, sides: Container[int] = SIDES, told: str = "8, or 16 to 64"
) -> str | None:
    """Why these networks can't take images of this height and width, or None.

    networks: as the sentence begins, in the plural.  told: the sides in words.
    """
    _, height, width = offer.shape
    if height == width and height in sides:
        return None
    side = 64 if min(height, width) >= 64 else 32
    return (
        f"{networks} take square images with a side of {told} pixels, not {height} x {width}. "
        f"Import the images at {side} x {side}."
    )


@dataclass(frozen=True)
class Score:
    """A named number per image, higher = more novel."""

    name: str
    title: str
    sentence: str


@dataclass(frozen=True)
class StageRecord:
    """One part of a training, as everybody knows it who doesn't train.

    name: in progress lines and files.  title: for a person.  epochs: the knob that sets their number, None where it is
    a single step.  learns: False where it only measures, so that the control line of the untrained network runs it too.
    replay: whether snapshots of it are kept, which replay follows.
    """

    name: str
    title: str
    epochs: str | None = None
    learns: bool = True
    replay: bool = False


@dataclass(frozen=True)
class Published:
    """A figure of a paper, shown only where dataset, scenario and protocol are the same.

    metric: a key of core.evaluation's METRICS.  options: the scenario options it was made with.  target: the classes,
    or None for a mean over all of them.
    """

    dataset: str
    scenario: str
    score: str
    metric: str
    value: float
    source: str
    target: tuple[str, ...] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Card:
    """A method, as a person meets it.

    knobs: the settings dataclass, a ThresholdKnobs.  scores: the main ones; headline: the first named of them.
    refuses: (settings, what the task offers) -> sentence or None.
    seeded: whether another seed gives another detector.  network: whether there is one that can be compared untrained.
    gradients: whether its scores take gradients with respect to the image.  maps: numbers of axes, 2 or 3, of the UMAP
    maps that are made of its embedding.
    """

    name: str
    family: str
    title: str
    sentence: str
    paper: str
    knobs: type
    scores: tuple[Score, ...]
    headline: str
    stages: tuple[StageRecord, ...]
    refuses: Callable[[Any, Offer], str | None] = accepts_any
    published: tuple[Published, ...] = ()
    seeded: bool = True
    network: bool = True
    gradients: bool = False
    maps: tuple[int, ...] = (2,)

    def score(self, name: str) -> Score:
        """The score of this name."""
        return next(each for each in self.scores if each.name == name)

    @property
    def epochs(self) -> str | None:
        """The knob that `--epochs` sets, that of the last stage which has one; None where no stage counts epochs."""
        counted = [stage.epochs for stage in self.stages if stage.epochs]
        return counted[-1] if counted else None

    @property
    def replayed(self) -> tuple[StageRecord, ...]:
        """The stages that replay follows, in order."""
        return tuple(stage for stage in self.stages if stage.replay)


@dataclass(frozen=True)
class ThresholdKnobs:
    """What every method has: how the threshold is set.  A family with another rule overrides `rule`."""

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

    def rule(self) -> ThresholdRule:
        """The rule that sets the threshold of every score."""
        return Quantile(self.normal_share)


@dataclass(frozen=True)
class ImpurityKnobs(ThresholdKnobs):
    """For families that may learn from an impure set: as many images are called novel as are assumed impure."""

    normal_share: ClassVar[float]  # type: ignore[misc]  # no knob: this rule asks for no share of normal images
    contamination: float = knob(
        IMPURE,
        label="Assumed share of impurities",
        help="The threshold is the k-th largest score of training and validation images together, k being this share "
        "of them; an image is novel if its score is strictly above. 0 takes the largest.",
        group="Threshold",
        low=0.0,
        high=0.5,
        after=True,
    )

    def rule(self) -> ThresholdRule:
        return Impurities(self.contamination)
