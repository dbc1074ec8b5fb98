"""The cards of metric learning: without and with out-of-distribution mining, and the classifier of the same network."""

from collections.abc import Callable
from dataclasses import dataclass

from core.knobs import Shape, knob
from core.methods.cards import Card, Score, StageRecord, ThresholdKnobs, is_own, refuses_side
from core.scenarios import Offer

PAPER = "Masana et al., Metric Learning for Novelty and Anomaly Detection, BMVC 2018"


def _of_side(tiny: float, small: float, colour: float, own: float) -> Callable[[Shape], float]:
    """A value for images of 8 x 8, of 28 x 28, of 32 x 32, and of a side of no known set."""

    def value(shape: Shape) -> float:
        if is_own(shape):
            return own
        return tiny if shape[1] <= 8 else small if shape[1] <= 28 else colour

    return value


@dataclass(frozen=True)
class NetworkKnobs(ThresholdKnobs):
    """What the embedding network and its twin share."""

    epochs: int = knob(
        _of_side(150, 15, 60, 60),  # at 28 x 28 the first epochs hardly part the classes
        3000,
        label="Epochs",
        low=1,
        high=10_000,
        help="Passes over the training images.",
    )
    learning_rate: float = knob(
        lambda shape: 1e-3 if shape[1] <= 32 else 3e-4,  # at 64 x 64 pairs stay on their plateau with the larger one
        1e-4,
        label="Learning rate",
        low=1e-7,
        high=1.0,
        help="Step size of Adam.",
    )
    first_drop: int = knob(
        0,
        151,
        label="Epoch of the first drop",
        low=0,
        high=10_000,
        help="After it the learning rate is a tenth. 0: never.",
    )
    second_drop: int = knob(
        0,
        2251,
        label="Epoch of the second drop",
        low=0,
        high=10_000,
        help="After it the learning rate is a tenth once more. 0: never.",
    )
    batch_size: int = knob(
        _of_side(128, 256, 64, 32),
        1024,
        label="Batch size",
        low=8,
        high=8192,
        help="Images a step; in metric learning half of them are paired with the other half, so it is a multiple of 8.",
    )
    weight_decay: float = knob(
        1e-4, label="Weight decay", low=0.0, high=1.0, help="Weight of the squared weights and biases in the loss."
    )
    width: int = knob(
        _of_side(0, 0, 16, 0),
        0,
        label="Channels of the first level",
        group="Network",
        low=0,
        high=512,
        before=0,
        help="Of the first pair of convolutions. Later pairs have 2, 4, 8 and 8 times as many at 32 x 32, 2 and 4 at "
        "smaller sides, 2, 4 and 8 at larger ones; the dense layers are 8 times as wide, also at 8 x 8, which has no "
        "convolutions. 0: 64 at 32 x 32, as published, and 16 elsewhere.",
    )
    he_start: bool = knob(
        lambda shape: shape[1] > 28,
        False,
        label="Start by He's rule",
        group="Network",
        before=False,
        help="Weights that keep the strength of what ten layers pass on, so that learning starts at once. Off: as "
        "published at 32 x 32, where all images are answered nearly alike at first and thousands of epochs mend it; "
        "below, as PyTorch makes them.",
    )
    dropout: float = knob(
        0.2,
        label="Dropout",
        group="Network",
        low=0.0,
        high=0.9,
        help="Share of the dense layers' units that a training step drops. The code's 0.8 is the share it keeps.",
    )


@dataclass(frozen=True)
class Knobs(NetworkKnobs):
    dimension: int = knob(
        10,
        label="Size of the embedding",
        group="Network",
        low=2,
        high=512,
        help="Numbers that the network makes of an image. With 2 or 3 the map shows the embedding itself.",
    )
    margin: float = knob(
        10.0,
        label="Margin",
        group="Pairs",
        low=0.01,
        high=1000.0,
        help="Images of two classes are pushed apart up to this distance.",
    )
    power: int = knob(
        2,
        label="Power of the distance",
        group="Pairs",
        low=1,
        high=2,
        help="2: costs grow with the square, so the pull fades as two images of a class come close. 1: as in the "
        "authors' code; every pull is as strong, which varies more from seed to seed.",
    )
    normalised: bool = knob(
        False,
        label="On the unit sphere",
        group="Pairs",
        help="Divide every embedding by its length. Then no two images are further apart than 2: choose a margin near "
        "1.",
    )


@dataclass(frozen=True)
class MiningKnobs(Knobs):
    seen_share: float = knob(
        0.5,
        label="Share of pairs with a seen image",
        group="Pairs",
        low=0.05,
        high=0.75,
        help="In every second batch so many pairs are of a known and a seen foreign image; a quarter are always of one "
        "class. 0.5 is published.",
    )


@dataclass(frozen=True)
class TwinKnobs(NetworkKnobs):
    temperature: float = knob(
        1000.0,
        label="Temperature",
        group="Scores",
        low=0.01,
        high=1e6,
        after=True,
        help="ODIN divides the classifier's outputs by it before they become a confidence.",
    )
    epsilon: float = knob(
        0.0014,
        label="Step of ODIN",
        group="Scores",
        low=0.0,
        high=0.1,
        after=True,
        help="In units of the pixel range. Published steps, 0 to 0.0048, were chosen with images of each novel set; "
        "this one is fixed before.",
    )


def refuses(settings: NetworkKnobs, offer: Offer) -> str | None:
    """Why these settings can't train on what the task offers, or None."""
    if refusal := refuses_side("Metric learning's networks", offer):
        return refusal
    if not offer.labels:
        return (
            f"Metric learning learns from the classes of its images, and the scenario {offer.kind} hides them. "
            "Choose the scenario cross-dataset."
        )
    if offer.classes < 2:
        return "With one known class there is none to keep it apart from. Choose two or more known classes."
    if offer.fewest is not None and offer.fewest < 2:
        return (
            "A known class has a single training image, and a pair needs two of a class. Leave it out of the known "
            "classes."
        )
    if settings.batch_size % 8:
        return (
            f"A batch of {settings.batch_size} images can't be halved into pairs of which a quarter are of one class. "
            "Set batch_size to a multiple of 8."
        )
    if isinstance(settings, Knobs) and settings.normalised and settings.margin > 2:
        return (
            f"On the unit sphere no two images are further apart than 2, so a margin of {settings.margin:g} would push "
            "for ever. Set margin to 2 or less."
        )
    if isinstance(settings, MiningKnobs) and not offer.seen:
        return (
            "Out-of-distribution mining learns from seen foreign images, and this task has none. Name some in the "
            "scenario, or choose metric-learning."
        )
    return None


DISTANCE = Score("distance", "Distance", "Squared distance from the image's embedding to the nearest class mean.")
SCORES = (
    Score("softmax", "Max-softmax", "Minus the logarithm of the largest class probability."),
    Score(
        "odin",
        "ODIN",
        "The same at a high temperature, after a small step of the image that makes the classifier surer.",
    ),
)
_CLASSES = StageRecord("classes", "Known classes", learns=False)
_EMBEDDING = (
    _CLASSES,
    StageRecord("embedding", "Embedding", epochs="epochs", replay=True),
    StageRecord("means", "Class means", learns=False),
)

PLAIN = Card(
    name="metric-learning",
    family="metric",
    title="Metric learning",
    sentence="Learns an embedding in which each known class is a tight cluster far from the others; an image far from "
    "every class mean is novel.",
    paper=PAPER,
    knobs=Knobs,
    scores=(DISTANCE,),
    headline="distance",
    stages=_EMBEDDING,
    refuses=refuses,
    maps=(2, 3),
)
MINING = Card(
    name="metric-learning-odm",
    family="metric",
    title="Metric learning, ODM",
    sentence="The same, and pushes seen foreign images away from every known class: out-of-distribution mining.",
    paper=PAPER,
    knobs=MiningKnobs,
    scores=(DISTANCE,),
    headline="distance",
    stages=_EMBEDDING,
    refuses=refuses,
    maps=(2, 3),
)
TWIN = Card(
    name="softmax-twin",
    family="metric",
    title="Softmax twin",
    sentence="The same network trained as an ordinary classifier of the known classes; an image of which it is unsure "
    "is novel.",
    paper="Hendrycks and Gimpel, 2017; ODIN, Liang et al., ICLR 2018",
    knobs=TwinKnobs,
    scores=SCORES,
    headline="softmax",
    stages=(_CLASSES, StageRecord("classifier", "Classifier", epochs="epochs", replay=True)),
    refuses=refuses,
    gradients=True,
    maps=(2, 3),
)
