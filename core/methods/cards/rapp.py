"""The cards of RaPP: one autoencoder family, three ways of training it."""

import math
from dataclasses import dataclass

from core.knobs import Shape, knob
from core.methods.cards import Card, Published, Score, StageRecord, ThresholdKnobs
from core.scenarios import Offer

PAPER = "Kim et al., RaPP: Novelty Detection with Reconstruction along Projection Pathway, ICLR 2020"
WIDEST_PATHWAY = 6000  # a covariance of that many columns takes 290 MB in float64


def widths(pixels: int, bottleneck: int, layers: int, first: int = 0) -> tuple[int, ...]:
    """Widths of input and `layers` layers, falling in equal steps from the pixels to the bottleneck (authors' rule).

    first: where it isn't 0, the width of the first layer, from which the others fall in equal steps instead.
    """
    if first:
        return (pixels, *(int(first + i * (bottleneck - first) / (layers - 1)) for i in range(layers)))
    return tuple(int(pixels + i * (bottleneck - pixels) / layers) for i in range(layers + 1))


def fitting_layers(pixels: int, bottleneck: int, most: int) -> int:
    """As many layers, up to `most`, as leave the pathway narrow enough; 1 where none do."""
    fitting = (n for n in range(most, 1, -1) if sum(widths(pixels, bottleneck, n)) <= WIDEST_PATHWAY)
    return next(fitting, 1)


def _quick_layers(shape: Shape) -> int:
    return 5 if _quick_width(shape) else fitting_layers(math.prod(shape), 20, 5)


def _quick_width(shape: Shape) -> int:
    """0, the published steps, but for images so large that not even two layers of these fit."""
    return 0 if fitting_layers(math.prod(shape), 20, 5) > 1 else 400


def _small(shape: Shape) -> bool:
    return shape[0] * shape[1] * shape[2] <= 256


@dataclass(frozen=True)
class Knobs(ThresholdKnobs):
    layers: int = knob(
        _quick_layers,
        10,
        label="Layers",
        group="Network",
        low=2,
        high=12,
        help="Layers of the encoder; the decoder mirrors it.",
    )
    width: int = knob(
        _quick_width,
        0,
        label="Width of the first layer",
        group="Network",
        low=0,
        high=4096,
        before=0,
        help="0: the widths fall in equal steps from the pixels, as published. A narrow first layer makes a small "
        "network, also of large images.",
    )
    bottleneck: int = knob(
        lambda shape: 8 if _small(shape) else 20,
        20,
        label="Bottleneck",
        group="Network",
        low=1,
        high=512,
        help="Numbers that the encoder's last layer keeps of an image.",
    )
    epochs: int = knob(
        lambda shape: 60 if _small(shape) else 10,
        200,
        label="Epochs",
        low=1,
        high=5000,
        help="Passes over the training images.",
    )
    batch_size: int = knob(
        lambda shape: 64 if _small(shape) else 256, 256, label="Batch size", low=2, high=8192, help="Images a step."
    )
    learning_rate: float = knob(1e-3, label="Learning rate", low=1e-6, high=1.0, help="Step size of Adam.")
    weights: str = knob(
        "best",
        label="Weights that are scored",
        choices=("best", "last"),
        help="best: of the epoch with the lowest reconstruction loss on the validation images. "
        "last: of the last epoch.",
    )
    precision: str = knob(
        "float32",
        label="Arithmetic of the training step",
        choices=("float32", "bfloat16"),
        help="bfloat16 is up to twice as fast where the processor has it, and slower where it doesn't. "
        "Scores are always in float32.",
    )
    first_layer: int = knob(
        1,
        label="First layer of the window",
        group="Scores",
        low=0,
        high=12,
        after=True,
        help="0 is the input: the ordinary residual.",
    )
    last_layer: int = knob(
        -1,
        label="Last layer of the window",
        group="Scores",
        low=-1,
        high=12,
        after=True,
        help="Inclusive; -1 is the encoder's last layer.",
    )

    def window(self) -> tuple[int, int]:
        """First and last layer of the scores, both inclusive, 0 = input."""
        return self.first_layer, self.layers if self.last_layer < 0 else self.last_layer


@dataclass(frozen=True)
class VAEKnobs(Knobs):
    draws: int = knob(
        10,
        label="Latent draws",
        group="Network",
        low=0,
        high=100,
        help="Decoded draws of the latent that an image's reconstruction averages; 0 decodes the latent mean.",
    )


@dataclass(frozen=True)
class AAEKnobs(Knobs):
    discriminator_rate: float = knob(
        5e-4,
        label="Learning rate of the discriminator",
        low=1e-6,
        high=1.0,
        help="Step size of Adam for the discriminator.",
    )


def refuses(settings: Knobs, offer: Offer) -> str | None:
    """Why these settings can't train on such images, or None."""
    pixels = math.prod(offer.shape)
    first, last = settings.window()
    if settings.bottleneck >= pixels:
        return (
            f"A bottleneck of {settings.bottleneck} doesn't narrow images of {pixels} values. "
            "Choose a smaller bottleneck."
        )
    if not 0 <= first <= last <= settings.layers:
        return (
            f"The window {first} to {last} doesn't lie in layers 0 to {settings.layers}. "
            f"Choose first_layer <= last_layer <= {settings.layers}."
        )
    if settings.width and not settings.bottleneck < settings.width < pixels:
        return (
            f"A first layer of {settings.width} doesn't lie between the bottleneck of {settings.bottleneck} and "
            f"{pixels} values. Choose one that does, or 0."
        )
    total = sum(widths(pixels, settings.bottleneck, settings.layers, settings.width))
    if total > WIDEST_PATHWAY:
        layers = fitting_layers(pixels, settings.bottleneck, settings.layers)
        advice = (
            f"Set layers to {layers} or fewer."
            if layers > 1 and not settings.width
            else "Set a narrow first layer (width), or import the images smaller or in grey."
        )
        return (
            f"{settings.layers} layers on {pixels} values make a pathway of {total} numbers; "
            f"at most {WIDEST_PATHWAY} fit. {advice}"
        )
    return None


SCORES = (
    Score("reconstruction", "Reconstruction", "Squared difference between the image and its reconstruction."),
    Score("sap", "SAP", "Squared differences between image and reconstruction, summed over the encoder's layers."),
    Score(
        "nap",
        "NAP",
        "The same differences, each direction measured in units of its spread over normal training images.",
    ),
)


def _published(column: int) -> tuple[Published, ...]:
    """The paper's Table 2 for one kind of autoencoder: mean AUROC over the ten classes."""
    table = {
        ("mnist", "multimodal"): (0.825, 0.881, 0.899, 0.864, 0.907, 0.927, 0.847, 0.911, 0.929),
        ("fashion-mnist", "multimodal"): (0.712, 0.725, 0.734, 0.710, 0.671, 0.737, 0.721, 0.710, 0.727),
        ("mnist", "unimodal"): (0.972, 0.980, 0.979, 0.957, 0.954, 0.976, 0.972, 0.966, 0.977),
        ("fashion-mnist", "unimodal"): (0.924, 0.928, 0.933, 0.905, 0.863, 0.934, 0.922, 0.905, 0.928),
    }
    return tuple(
        Published(
            dataset,
            scenario,
            score.name,
            "auroc",
            figures[3 * column + place],
            "RaPP, Table 2",
            remark="mean over the ten classes",
        )
        for (dataset, scenario), figures in table.items()
        for place, score in enumerate(SCORES)
    )


STAGES = (
    StageRecord("train", "Autoencoder", epochs="epochs", replay=True),
    StageRecord("prepare scores", "Statistics of the differences", learns=False),
)


def _card(name: str, title: str, sentence: str, knobs: type, column: int) -> Card:
    return Card(
        name=name,
        family="rapp",
        title=title,
        sentence=sentence,
        paper=PAPER,
        knobs=knobs,
        scores=SCORES,
        headline="nap",
        stages=STAGES,
        refuses=refuses,
        published=_published(column),
    )


AE = _card(
    "rapp-ae",
    "RaPP, autoencoder",
    "Learns to redraw normal images, then compares image and redrawing at every layer of the encoder.",
    Knobs,
    0,
)
VAE = _card(
    "rapp-vae",
    "RaPP, variational autoencoder",
    "Compares an image with its redrawing at every layer of an encoder whose latent is a distribution.",
    VAEKnobs,
    1,
)
AAE = _card(
    "rapp-aae",
    "RaPP, adversarial autoencoder",
    "Compares an image with its redrawing at every layer of an encoder that a discriminator keeps near a normal "
    "distribution.",
    AAEKnobs,
    2,
)
