"""The card of the VAE threshold: an almost clean training set, a reconstruction error, a line drawn somewhere."""

from dataclasses import dataclass

from core.knobs import Shape, knob
from core.methods.cards import Card, ImpurityKnobs, Published, Score, StageRecord, is_own, refuses_side
from core.scenarios import Offer

SIDES = (28, *range(8, 65, 8))  # of the images that the network takes


def _tiny(shape: Shape) -> bool:
    return shape[1] <= 8


@dataclass(frozen=True)
class Knobs(ImpurityKnobs):
    latent: int = knob(
        lambda shape: 8 if _tiny(shape) else 16,
        32,
        label="Latent size",
        group="Network",
        low=2,
        high=512,
        help="Numbers that the network keeps of an image. With 2 the page draws all that it has learned.",
    )
    dropout: float = knob(
        lambda shape: 0.0 if _tiny(shape) or is_own(shape) else 0.1,
        0.5,
        label="Dropout",
        group="Network",
        low=0.0,
        high=0.9,
        help="Rate of the nine dropouts. More makes training and test errors alike, and reconstructions blurry.",
    )
    l2: float = knob(
        1e-5,
        label="L2 penalty",
        group="Network",
        low=0.0,
        high=10.0,
        help="Times the squared weights of 14 layers, added to the loss.",
    )
    sampling: str = knob(
        "consistent",
        "published",
        label="Noise of the latent in training",
        group="Network",
        choices=("consistent", "published"),
        help="consistent: exp(log_variance / 2), as the KL divergence means it. "
        "published: exp(log_variance), as the published code draws.",
    )
    epochs: int = knob(
        lambda shape: (
            400 if _tiny(shape) else 60 if is_own(shape) else 20
        ),  # few images make few steps an epoch, and a latent that sleeps
        300,
        label="Epochs",
        low=1,
        high=5000,
        help="Passes over the training images.",
    )
    batch_size: int = knob(
        lambda shape: 16 if _tiny(shape) or is_own(shape) else 128,
        128,
        label="Batch size",
        low=2,
        high=8192,
        help="Images a step.",
    )
    learning_rate: float = knob(1e-3, label="Learning rate", low=1e-6, high=1.0, help="Step size of RMSprop.")
    weights: str = knob(
        "best",
        label="Weights that are scored",
        choices=("best", "last"),
        help="best: of the epoch with the lowest loss on the validation images, impurities and all. "
        "last: of the last epoch.",
    )
    posterior: str = knob(
        "mean",
        "published",
        label="Latent that is decoded",
        group="Scores",
        choices=("mean", "sample", "published"),
        after=True,
        help="mean: that of the latent, the same at every call. sample: the scores of ten draws are averaged. "
        "published: one draw, as wide as the published code's, exp(log_variance).",
    )


def refuses(settings: Knobs, offer: Offer) -> str | None:
    """Why these settings can't train on what the task offers, or None."""
    told = "28, or of 8 to 64 where 8 divides it,"
    return refuses_side("The networks of the VAE threshold", offer, SIDES, told)


PAPER = (
    "Variational-AutoEncoder-For-Novelty-Detection, GitHub, 2018, after Kingma and Welling, "
    "Auto-Encoding Variational Bayes, 2013"
)
SCORES = (
    Score("error", "Squared error", "Squared difference between the image and its reconstruction, mean over pixels."),
    Score(
        "elbo",
        "Negative ELBO",
        "What the training minimises, without the L2 penalty: binary cross-entropy plus KL divergence, in nats.",
    ),
    Score("kl", "KL divergence", "How far the image's latent lies from the standard normal distribution, in nats."),
)


def _published(metric: str, value: float, remark: str) -> Published:
    """A figure for EMNIST Letters, A normal, 4,000 + 125 training, 800 + 25 validation and 800 + 25 test images.

    The scenario's defaults make these very counts.
    """
    return Published("emnist-letters", "contaminated", "error", metric, value, "README", ("A",), remark=remark)


# latent 32, L2 1e-5, dropout 0.5 is the best model: 795 of 800 normals kept, 12 of 25 novel letters caught.
_BEST = "best of 276 models, chosen on the test set"
PUBLISHED = (
    _published("normal_f1", 0.9888, _BEST),
    _published("normal_f1", 0.9746, "mean of the 276 models"),
    _published("normal_precision", 0.9839, _BEST),
    _published("normal_recall", 0.9938, _BEST),
    _published("f1", 0.571, f"by its counts, {_BEST}"),
    _published("f1", 0.349, "by their counts, mean of the 276 models"),
    _published("precision", 0.706, f"by its counts, {_BEST}"),
    _published("recall", 0.480, f"by its counts, {_BEST}"),
)

VAE = Card(
    name="vae-threshold",
    family="vae",
    title="VAE threshold",
    sentence="Learns to redraw images of an almost clean set; a reconstruction error above a line is novel.",
    paper=PAPER,
    knobs=Knobs,
    scores=SCORES,
    headline="error",
    stages=(StageRecord("train", "Variational autoencoder", epochs="epochs", replay=True),),
    refuses=refuses,
    published=PUBLISHED,
)
