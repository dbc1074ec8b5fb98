"""VAE threshold: Variational-AutoEncoder-For-Novelty-Detection, GitHub, 2018 (README and code); no paper of its own.

Learn the look of one class from a set that is almost, not entirely, clean, and without labels. A variational
autoencoder (Kingma and Welling, Auto-Encoding Variational Bayes, 2013) redraws images; what it redraws badly is novel.
Where badly begins is a line: as many images of the training and validation set lie above it as are assumed impure
(core/evaluation/rules.py, Impurities).

Scores: `error`, the squared error, mean over pixels; `elbo`, the negative evidence lower bound that the training
minimises; `kl`, its second term alone. The training learns from the cross-entropy; the squared error only scores.

Differs from the published code:
1. In training the latent is drawn with exp(log_variance / 2) as its deviation, as the KL divergence means it; the code
   draws with exp(log_variance). `sampling` set to published follows the code, as the paper preset does.
2. An image is scored by the mean of its latent, so twice gives the same; the code scores one new draw. `posterior` set
   to published decodes one draw too, but of a noise that is kept with the detector: an image's score doesn't depend on
   the images beside it.
3. The cross-entropy is taken of logits, which needs no clamping; the loss is the same.
4. Convolutions, dense layers and RMSprop are PyTorch's; the order of images and the initial weights differ by the seed.
5. The share of impurities is assumed by a knob; the code takes the true one.
6. Precision, recall and F1 are told for either positive class. The published ones take the normal class as positive,
   where accepting every image reaches 0.985.
7. The published network takes images of 28 x 28; those for other sides from 8 to 64 are ours
   (core/networks/branched_vae.py).
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import WrongRequest
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import vae as cards
from core.networks.branched_vae import BranchedVAE
from core.training import BestWeights, Learning, Progress, RMSprop, Stage, TaskTensors, descend, load_optimiser
from core.training.loop import State

DRAWS = 10  # of the latent, where scores average over draws
GRID = 15  # decoded points along either axis of the latent plane
REACH = 0.01  # share of the training images beyond either end of an axis
PICTURES = 24  # reconstructions that a snapshot keeps
IDLE = 0.1  # nats: a latent below that says next to nothing


# --- losses and scores: [B, ...] -> [B] -------------------------------------------------------------------------------


def cross_entropy(images: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy of pixels in [0, 1], summed over an image: [B, C, H, W] twice -> [B], in nats."""
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)): [B, latent] twice -> [B], in nats.  Kingma and Welling, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)


def squared_error(images: Tensor, redrawn: Tensor) -> Tensor:
    """Squared difference of pixels in [0, 1], mean over an image: [B, C, H, W] twice -> [B]."""
    return (images - redrawn).square().flatten(1).mean(1)


def penalty(kernels: list[Tensor], weight: float) -> Tensor:
    """weight times the sum of squared kernels, without a factor 1/2."""
    return weight * torch.stack([kernel.square().sum() for kernel in kernels]).sum()


def drawn(mean: Tensor, log_variance: Tensor, noise: Tensor, sampling: str) -> Tensor:
    """A latent drawn around the mean; noise: standard normal, broadcasts to [B, latent].

    sampling: `consistent`, deviation exp(log_variance / 2), or `published`, exp(log_variance).
    """
    return mean + (log_variance / (2 if sampling == "consistent" else 1)).exp() * noise


def principal_axes(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(mean [D], two unit axes [2, D] of largest variance, their shares of it [2]) of [n, D]; two coordinates stay.

    The largest weight of either axis is positive, so the same points always give the same plane.
    """
    points = points.double()
    mean, total = points.mean(0), points.var(0, correction=0).sum().clamp(min=1e-300)
    if points.shape[1] == 2:
        return torch.zeros_like(mean), torch.eye(2, dtype=points.dtype), points.var(0, correction=0) / total
    values, vectors = torch.linalg.eigh((points - mean).T @ (points - mean) / len(points))  # ascending
    axes = vectors[:, -2:].T.flip(0)
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return mean, axes * signs, values[-2:].flip(0) / total


# --- stage ------------------------------------------------------------------------------------------------------------


class Train(Learning):
    """Minimises cross-entropy plus KL divergence, a mean over the batch, plus the L2 penalty, with RMSprop.

    Remembers the weights with the lowest loss on the validation images, whose impurities nobody has taken out.
    """

    detector: "VAEThreshold"
    steady = True

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.best = BestWeights()
        # Keras' settings, not torch's: the mean of squares forgets faster and the step is smaller.
        weights = self.detector.networks.parameters()
        self.rmsprop = RMSprop(weights, self.knobs.learning_rate, alpha=0.9, eps=1e-7)

    def descents(self) -> list[torch.optim.Optimizer]:
        return [self.rmsprop]

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        entropy, divergence = self.detector.training_terms(self.task.train[batch])
        held_small = self.detector.penalty()
        descend((entropy + divergence).mean() + held_small, self.rmsprop)
        parts = {"bce": entropy.sum(), "kl": divergence.sum(), "l2": held_small * len(batch)}
        return {name: value.detach() for name, value in parts.items()}

    def epoch(self, number: int) -> dict[str, float]:
        curves = self.learn(self.knobs.batch_size)
        curves |= self.validated()
        # As published, the L2 penalty counts in what chooses the weights.
        self.best.offer(curves["validation"], number, self.detector.networks)
        return curves

    @torch.inference_mode()
    def validated(self) -> dict[str, float]:
        """The parts of the loss on the validation images, per image, and their sum with the penalty: dropout is off."""
        self.detector.networks.eval()
        parts = [self.detector.training_terms(images) for images in self.task.valid.split(1024)]
        entropy, divergence = (float(torch.cat(each).mean()) for each in zip(*parts, strict=True))
        total = entropy + divergence + float(self.detector.penalty())
        return {"validation bce": entropy, "validation kl": divergence, "validation": total}

    def end(self) -> None:
        if self.knobs.weights == "best":
            self.best.restore(self.detector.networks)
        self.detector.collapsed = self.detector.collapse(self.task.train)

    def state(self) -> State:
        return {"rmsprop": self.rmsprop.state_dict(), "best": self.best.kept}

    def load(self, state: State) -> None:
        load_optimiser(self.rmsprop, state["rmsprop"])
        self.best.load(state["best"], self.detector.device)


# --- detector ---------------------------------------------------------------------------------------------------------


class VAEThreshold(Detector):
    """The branched variational autoencoder, scored by how badly it redraws."""

    card = cards.VAE
    chunk = 512

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.networks = BranchedVAE(shape, knobs.latent, knobs.dropout)
        # Half again as fast as the default order on a CPU: these convolutions have few channels.
        self.networks.to(memory_format=torch.channels_last)
        self.noise = torch.randn(DRAWS, knobs.latent)

    def to(self, device: torch.device) -> "VAEThreshold":
        self.device = device
        self.networks.to(device)
        self.noise = self.noise.to(device)
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Train(self)]

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32 in [0, 1]."""
        return (images.float() / 255).contiguous(memory_format=torch.channels_last)

    def training_terms(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(cross-entropy [B], KL divergence [B]) of uint8 images, each with one draw of its latent."""
        pixels = self.pixels(images)
        mean, log_variance = self.networks.encode(pixels)
        latent = drawn(mean, log_variance, torch.randn_like(mean), self.knobs.sampling)
        return cross_entropy(pixels, self.networks.decode(latent)), kl_divergence(mean, log_variance)

    def penalty(self) -> Tensor:
        return penalty(self.networks.penalised(), self.knobs.l2)

    def latents(self, mean: Tensor, log_variance: Tensor) -> Iterator[Tensor]:
        """What is decoded at test time: the mean, ten draws, or one draw as wide as published, [B, latent] each."""
        if self.knobs.posterior == "mean":
            yield mean
        elif self.knobs.posterior == "sample":
            yield from (drawn(mean, log_variance, noise, "consistent") for noise in self.noise)
        else:
            yield drawn(mean, log_variance, self.noise[0], "published")

    def terms(self, images: Tensor) -> dict[str, Tensor]:
        """Of uint8 images, in evaluation mode, averaged over the decoded latents.

        error, bce, kl: [B].  redrawn: [B, C, H, W].  mean, log_variance: [B, latent].
        """
        self.networks.eval()
        pixels = self.pixels(images)
        mean, log_variance = self.networks.encode(pixels)
        errors, entropies, pictures = [], [], []
        for latent in self.latents(mean, log_variance):
            logits = self.networks.decode(latent)
            redrawn = logits.sigmoid()
            errors.append(squared_error(pixels, redrawn))
            entropies.append(cross_entropy(pixels, logits))
            pictures.append(redrawn)
        averaged = {"error": errors, "bce": entropies, "redrawn": pictures}
        means = {name: torch.stack(each).mean(0) for name, each in averaged.items()}
        return means | {"kl": kl_divergence(mean, log_variance), "mean": mean, "log_variance": log_variance}

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        terms = self.terms(images)
        return {"error": terms["error"], "elbo": terms["bce"] + terms["kl"], "kl": terms["kl"]}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """reconstruction: uint8 [B, C, H, W].  embedding (the mean), log_variance: [B, latent].  error, bce: [B]."""
        terms = self.terms(images)
        return {
            "reconstruction": _picture(terms["redrawn"]),
            "embedding": terms["mean"],
            "log_variance": terms["log_variance"],
            "error": terms["error"],
            "bce": terms["bce"],
        }

    @torch.inference_mode()
    def decode(self, latents: np.ndarray) -> np.ndarray:
        if latents.ndim != 2 or latents.shape[1] != self.knobs.latent:
            raise WrongRequest(f"A latent has {self.knobs.latent} numbers; these have the shape {latents.shape}.")
        self.networks.eval()
        return _picture(self.networks.decode(torch.from_numpy(latents).to(self.device)).sigmoid()).cpu().numpy()

    @torch.inference_mode()
    def portrait(self, task: TaskTensors) -> Arrays:
        """The latent plane of the training images, and what the network draws at the points of a grid on it.

        centre [latent] and axes [2, latent]: the plane, where a latent of 2 is its own.  ratio [2]: the share of the
        variance along either axis.  x, y [G]: the grid's coordinates.  grid: uint8 [G, G, C, H, W], rows by y.
        nats [latent]: the mean KL divergence of each latent unit.
        """
        mean, log_variance = self.latent_of(task.train)
        centre, axes, ratio = (each.to(mean) for each in principal_axes(mean.cpu()))
        ends = ((mean - centre) @ axes.T).quantile(torch.tensor([REACH, 1 - REACH], device=mean.device), dim=0)
        x, y = (torch.linspace(low, high, GRID, device=mean.device) for low, high in ends.T.tolist())
        plane = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)  # [G * G, 2], x runs first
        grid = _picture(self.networks.decode(centre + plane @ axes).sigmoid()).view(GRID, GRID, *self.shape)
        nats = kl_divergence(mean.reshape(-1, 1), log_variance.reshape(-1, 1)).view_as(mean).mean(0)
        found = {"centre": centre, "axes": axes, "ratio": ratio, "x": x, "y": y, "grid": grid, "nats": nats}
        return {name: each.cpu().numpy() for name, each in found.items()}

    @torch.inference_mode()
    def latent_of(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, [n, latent] each, of uint8 images, in evaluation mode."""
        self.networks.eval()
        parts = [self.networks.encode(self.pixels(part)) for part in images.split(1024)]
        mean, log_variance = (torch.cat(each) for each in zip(*parts, strict=True))
        return mean, log_variance

    def collapse(self, images: Tensor) -> str | None:
        """A sentence where the latent says next to nothing of the training images, else None."""
        nats = float(kl_divergence(*self.latent_of(images[:4096])).mean())
        if nats > IDLE:
            return None
        return (
            f"Collapsed: the latent carries {nats:.2g} nats of an image, so every image is redrawn alike. "
            "Train longer, or with less dropout."
        )

    @torch.inference_mode()
    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """Of the probe: error, elbo [P] and embedding [P, latent] float16; the first 24 reconstructions."""
        terms = self.terms(probe)
        found = {
            "error": terms["error"],
            "elbo": terms["bce"] + terms["kl"],
            "embedding": terms["mean"].half(),
            "reconstruction": _picture(terms["redrawn"][:PICTURES]),
        }
        return {name: each.cpu().numpy() for name, each in found.items()}

    def state(self) -> State:
        return {"networks": dict(self.networks.state_dict()), "noise": self.noise, "collapsed": self.collapsed}

    def load(self, state: State) -> None:
        self.networks.load_state_dict(state["networks"])
        self.noise, self.collapsed = state["noise"].to(self.device), state["collapsed"]


def _picture(values: Tensor) -> Tensor:
    """Pixels in [0, 1] as uint8."""
    return (values * 255).round().byte()
