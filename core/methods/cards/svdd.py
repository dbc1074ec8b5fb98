"""The cards of Deep SVDD: one ball around normal embeddings, or one ball per kind of normal image."""

from dataclasses import dataclass

from core.knobs import Shape, knob
from core.methods.cards import Card, Published, Score, StageRecord, ThresholdKnobs, is_own, refuses_side
from core.scenarios import Offer

DEEP_SVDD_PAPER = "Ruff et al., Deep One-Class Classification, ICML 2018"
MULTI_RADIUS_PAPER = "Trivedi and Thirimanne, Multi Radius Deep One-Class Classification, York University, 2022"


def _tiny(shape: Shape) -> bool:
    return shape[1] <= 8


def _colour(shape: Shape) -> bool:
    return shape[0] == 3


def _pretrain_decay(shape: Shape) -> float:
    """5e-4 for 28 x 28 grey and 5e-7 for colour (published commands); 5e-7 for 8 x 8 and sides without a command.

    The error of an 8 x 8 image sums twelve times fewer pixels.
    """
    return 5e-7 if _colour(shape) or _tiny(shape) or is_own(shape) else 5e-4


@dataclass(frozen=True)
class Knobs(ThresholdKnobs):
    objective: str = knob(
        "soft-boundary",
        label="Objective",
        group="Network",
        choices=("one-class", "soft-boundary"),
        help="one-class pulls every training image to its centre; soft-boundary pulls only those outside the ball.",
    )
    nu: float = knob(
        0.1,
        label="nu: share of training images outside",
        group="Network",
        low=0.001,
        high=1.0,
        help="Budget of training images outside each ball. It sets the radius: the (1 - nu)-quantile of the distances.",
    )
    epochs: int = knob(
        lambda s: 60 if _tiny(s) else 40 if is_own(s) else 20,
        150,
        label="Epochs",
        low=1,
        high=5000,
        help="Passes that train the embedding.",
    )
    pretrain_epochs: int = knob(
        lambda s: 100 if _tiny(s) else 40 if is_own(s) else 20,
        lambda s: 350 if _colour(s) else 150,
        label="Epochs of the autoencoder",
        low=0,
        high=5000,
        help="Passes that train the autoencoder whose encoder Deep SVDD starts from; 0 starts from random weights.",
    )
    warm_up: int = knob(
        5,
        10,
        label="Warm-up epochs",
        low=0,
        high=1000,
        help="Epochs in which the radii stay 0, so that soft-boundary pulls every image.",
    )
    learning_rate: float = knob(
        1e-4, label="Learning rate", low=1e-7, high=1.0, help="Step size of Adam for the embedding."
    )
    pretrain_rate: float = knob(
        1e-3, 1e-4, label="Learning rate of the autoencoder", low=1e-7, high=1.0, help="Step size of Adam."
    )
    rate_drop: int = knob(
        0, 50, label="Learning rate drops after epoch", low=0, high=5000, help="To a tenth; 0 is never."
    )
    pretrain_rate_drop: int = knob(
        0,
        lambda s: 250 if _colour(s) else 50,
        label="The autoencoder's learning rate drops after epoch",
        low=0,
        high=5000,
        help="To a tenth; 0 is never.",
    )
    batch_size: int = knob(
        lambda s: 50 if _tiny(s) else 32 if is_own(s) else 200,
        200,
        label="Batch size",
        low=2,
        high=8192,
        help="Images a step.",
    )
    weight_decay: float = knob(
        5e-7, label="Weight decay", low=0.0, high=1.0, help="L2 penalty of Adam for the embedding."
    )
    pretrain_weight_decay: float = knob(
        _pretrain_decay,
        _pretrain_decay,
        label="Weight decay of the autoencoder",
        low=0.0,
        high=1.0,
        help="L2 penalty of Adam.",
    )
    leak: float = knob(
        0.01,
        label="Slope of the leaky ReLU",
        group="Network",
        low=0.0,
        high=0.5,
        help="0.01 in every published code, 0.1 in the texts.",
    )


@dataclass(frozen=True)
class MultiRadiusKnobs(Knobs):
    labels: str = knob(
        "finch",
        label="Clusters come from",
        group="Clusters",
        choices=("finch", "classes"),
        help="finch: kinds found in the pre-trained embedding, without labels. "
        "classes: the hidden classes, as the published code really trains.",
    )
    partition: str = knob(
        "auto",
        label="Which partition of FINCH",
        group="Clusters",
        choices=("auto", "level", "clusters"),
        help="auto: the level with the best silhouette whose clusters are large enough. level, clusters: as set below.",
    )
    level: int = knob(
        1, label="Level (0 is the finest)", group="Clusters", low=0, high=20, help="Used where the partition is level."
    )
    clusters: int = knob(
        3, label="Number of clusters", group="Clusters", low=1, high=500, help="Used where the partition is clusters."
    )
    smallest: int = knob(
        0,
        label="Smallest cluster",
        group="Clusters",
        low=0,
        high=100_000,
        help="Smaller ones join the nearest. 0: the larger of 50, 10/nu and 1 % of the images.",
    )


def refuses(settings: Knobs, offer: Offer) -> str | None:
    """Why these settings can't train on what the task offers, or None."""
    if refusal := refuses_side("Deep SVDD's networks", offer):
        return refusal
    if settings.warm_up > settings.epochs:
        return f"{settings.warm_up} warm-up epochs don't fit into {settings.epochs} epochs. Choose fewer."
    if isinstance(settings, MultiRadiusKnobs) and settings.labels == "classes" and not offer.labels:
        return f"The scenario {offer.kind} hides its classes, so clusters can't come from them. Set labels to finch."
    return None


SCORES = (
    Score(
        "boundary",
        "Boundary",
        "Squared distance to a centre minus its squared radius, the smallest over all balls; above 0 is outside.",
    ),
    Score("distance", "Distance", "Squared distance to the nearest centre."),
    Score(
        "relative",
        "Relative",
        "Distance to a centre in units of its radius, the smallest over all balls; above 1 is outside.",
    ),
)
# Deep SVDD paper, Table 1, mean AUROC of ten seeds, one normal class each: soft-boundary and one-class.
_SOFT_MNIST = (97.8, 99.6, 89.5, 90.3, 93.8, 85.8, 98.0, 92.7, 92.9, 94.9)
_ONE_MNIST = (98.0, 99.7, 91.7, 91.9, 94.9, 88.5, 98.3, 94.6, 93.9, 96.5)
_CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
_ONE_CIFAR = (61.7, 65.9, 50.8, 59.1, 60.9, 65.7, 67.7, 67.3, 75.9, 73.1)


def _unimodal(dataset: str, figures: tuple[float, ...], remark: str) -> tuple[Published, ...]:
    return tuple(
        Published(
            dataset,
            "unimodal",
            "boundary",
            "auroc",
            figure / 100,
            "Deep SVDD, Table 1",
            (name,),
            {"split": "official"},
            remark,
        )
        for name, figure in zip(_CLASSES[dataset], figures, strict=True)
    )


def _stages(centres: StageRecord) -> tuple[StageRecord, ...]:
    """The stages of the family, which differ in how they find their centres."""
    return (
        StageRecord("prepare", "Range of the pixels", learns=False),
        StageRecord("pretrain", "Autoencoder", epochs="pretrain_epochs"),
        centres,
        StageRecord("train", "Embedding", epochs="epochs", replay=True),
        StageRecord("measure", "Radii", learns=False),
    )


DEEP_SVDD = Card(
    name="deep-svdd",
    family="svdd",
    title="Deep SVDD",
    sentence="Learns an embedding that packs normal images around one point; far from it is novel.",
    paper=DEEP_SVDD_PAPER,
    knobs=Knobs,
    scores=SCORES,
    headline="boundary",
    stages=_stages(StageRecord("centre", "Centre", learns=False)),
    refuses=refuses,
    published=_unimodal("mnist", _ONE_MNIST, "one-class objective, mean of ten seeds")
    + _unimodal("mnist", _SOFT_MNIST, "soft-boundary objective, mean of ten seeds")
    + _unimodal("cifar10", _ONE_CIFAR, "one-class objective, mean of ten seeds"),
)
MULTI_RADIUS = Card(
    name="multi-radius-svdd",
    family="svdd",
    title="Multi-radius Deep SVDD",
    sentence="Finds the kinds of normal image by clustering and gives each its own centre and radius; "
    "outside every ball is novel.",
    paper=MULTI_RADIUS_PAPER,
    knobs=MultiRadiusKnobs,
    scores=SCORES,
    headline="boundary",
    stages=_stages(StageRecord("cluster", "Clusters", learns=False)),
    refuses=refuses,
)
