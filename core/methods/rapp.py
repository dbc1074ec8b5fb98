"""RaPP: Novelty Detection with Reconstruction along Projection Pathway, Kim et al., ICLR 2020.

An autoencoder learns to redraw normal images. At test time the image x and its redrawing A(x) both pass through the
encoder, and the differences d_i of the two passes at every layer i = 0..L (0 = input) say how novel x is. RaPP changes
the score, never the training.

Scores: `reconstruction` |d_0|^2; `sap` the sum of |d_i|^2 over a window of layers; `nap` the same after every direction
has been measured in units of its spread over the training images (core/algorithms/nap.py).

Differs from the paper:
1. NAP comes from a streamed covariance and a Cholesky factor instead of an SVD of all training rows: equal up to
   rounding, and directions that carry rounding noise alone (singular value below 1e-5 of the largest) are left out
   instead of amplified.
2. A VAE averages decoded draws of one noise array kept with the detector, so that an image's score doesn't depend on
   its batch.
3. The discriminator works on logits; the loss is the same.
4. The quick preset is smaller and shorter than the paper's.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.algorithms.nap import (
    AllWindows,
    Pathway,
    Statistics,
    Stream,
    Whitening,
    packed,
    singular_values,
    unpacked,
    whitening,
)
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import rapp as cards
from core.networks.dense import blocks, discriminator, through
from core.training import Adam, BestWeights, DetectorStage, Learning, Progress, Stage, TaskTensors, batches, descend
from core.training.loop import State

SMALL_PATHWAY = (
    600  # up to this many columns the scatter (1.4 MB) is kept with the detector, so any window can be scored later
)


# --- losses: [B, ...] -> scalar, summed over the batch ----------------------------------------------------------------


def squared_error(images: Tensor, redrawn: Tensor) -> Tensor:
    """Sum of squared errors over batch and pixels."""
    return F.mse_loss(redrawn, images, reduction="sum")


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)), summed over batch and latent.  Kingma and Welling, 2013, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()


def real_or_fake(logits: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of the discriminator, summed over the batch."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)), reduction="sum")


# --- scores -----------------------------------------------------------------------------------------------------------


def passed(encoder: nn.ModuleList, images: Tensor) -> list[Tensor]:
    """g_{:i}(x) for i = 0..L: the image itself, then what each layer gives.

    images: [B, pixels].  Returns L + 1 tensors [B, w_i].
    """
    values = [images]
    for layer in encoder:
        values.append(layer(values[-1]))
    return values


def pathway_differences(images: list[Tensor], redrawn: list[Tensor]) -> list[Tensor]:
    """d_i = g_{:i}(A(x)) - g_{:i}(x) for i = 0..L, from the two passes.

    images, redrawn: L + 1 tensors [B, w_i], as the differences.  Source: paper, section 3.
    """
    return [of_redrawn - of_image for of_image, of_redrawn in zip(images, redrawn, strict=True)]


def sap(squared_norms: Tensor, first: int, last: int) -> Tensor:
    """SAP of layers first..last, both inclusive: the sum of |d_i|^2.

    squared_norms: [B, L + 1].  Source: paper, equation of section 3.2.
    """
    return squared_norms[:, first : last + 1].sum(1)


# --- stages -----------------------------------------------------------------------------------------------------------


class TrainAutoencoder(Learning):
    """Minimises the variant's loss with Adam; remembers the weights with the lowest validation reconstruction loss."""

    detector: "Rapp"
    steady = True

    def __init__(self, detector: "Rapp") -> None:
        super().__init__(detector)
        self.best = BestWeights()

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.optimisers = self.detector.optimisers()

    def descents(self) -> list[torch.optim.Optimizer]:
        return list(self.optimisers.values())

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        return self.detector.step(self.detector.pixels(self.task.train[batch]), self.optimisers)

    def epoch(self, number: int) -> dict[str, float]:
        curves = self.learn(self.knobs.batch_size)
        # The paper scores the weights of the epoch with the lowest validation loss.
        curves["validation"] = self.detector.reconstruction_loss(self.task.valid)
        self.best.offer(curves["validation"], number, self.detector.networks)
        return curves

    def end(self) -> None:
        if self.detector.knobs.weights == "best":
            self.best.restore(self.detector.networks)

    def state(self) -> State:
        optimisers = {name: each.state_dict() for name, each in self.optimisers.items()}
        return {"optimisers": optimisers, "best": self.best.kept}

    def load(self, state: State) -> None:
        for name, each in self.optimisers.items():
            each.load_state_dict(state["optimisers"][name])
        self.best.load(state["best"], self.detector.device)


class PrepareScores(DetectorStage):
    """One pass over the training images in evaluation mode: mean and scatter of their pathway differences."""

    def epoch(self, number: int) -> dict[str, float]:
        self.detector.fit_statistics(self.task.train, self.progress)
        return {}


# --- detectors --------------------------------------------------------------------------------------------------------


class Rapp(Detector):
    """What the three variants share: networks, pathway, scores, state.

    A variant adds `optimisers`, `step` and `decoded`.
    """

    latent_outputs = 1  # numbers that the encoder gives per latent unit

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        channels, height, width = shape
        down = cards.widths(channels * height * width, knobs.bottleneck, knobs.layers, knobs.width)
        encoder = (*down[:-1], knobs.bottleneck * self.latent_outputs)
        self.pathway = Pathway(encoder)
        self.networks = nn.ModuleDict({"encoder": blocks(encoder), "decoder": blocks(down[::-1])})
        self.statistics: Statistics | None = None
        self.whitening: Whitening | None = None
        self._all_windows: AllWindows | None = None

    @property
    def encoder(self) -> nn.ModuleList:
        return self.networks["encoder"]  # type: ignore[return-value]

    @property
    def decoder(self) -> nn.ModuleList:
        return self.networks["decoder"]  # type: ignore[return-value]

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": Adam(self.networks.parameters(), self.knobs.learning_rate, fused=True)}

    def step(self, images: Tensor, optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """One training step on [B, pixels]; returns the losses, summed over the batch."""
        raise NotImplementedError

    def redraw(self, images: Tensor) -> Tensor:
        """The reconstruction A(x) at test time.  [B, pixels] -> [B, pixels]."""
        return self.decoded(through(self.encoder, images))

    def decoded(self, codes: Tensor) -> Tensor:
        """The reconstruction from what the encoder gives: [B, its outputs] -> [B, pixels]."""
        return through(self.decoder, codes)

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.knobs.precision == "bfloat16")

    def to(self, device: torch.device) -> "Rapp":
        self.device = device
        self.networks.to(device)
        self.statistics = self.statistics and self.statistics.to(device)
        self.whitening = self.whitening and self.whitening.to(device)
        self._all_windows = None
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [TrainAutoencoder(self), PrepareScores(self)]

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32 [B, pixels] in [0, 1]."""
        return images.flatten(1).float() / 255

    @torch.inference_mode()
    def reconstruction_loss(self, images: Tensor) -> float:
        """Mean squared error summed over pixels, per image, in evaluation mode."""
        self.networks.eval()
        total = sum(squared_error(x, self.redraw(x)) for x in map(self.pixels, images.split(4096)))
        return float(total) / len(images)

    def differences(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All d_i side by side [B, D], the reconstruction [B, pixels], the codes, of uint8 images, in evaluation mode.

        codes: what the encoder gives for the images, [B, its outputs].
        """
        self.networks.eval()
        # The reconstruction is made of the image's own pass, so that is taken only once.
        values = passed(self.encoder, self.pixels(images))
        redrawn = self.decoded(values[-1])
        return torch.cat(pathway_differences(values, passed(self.encoder, redrawn)), 1), redrawn, values[-1]

    @torch.inference_mode()
    def fit_statistics(self, images: Tensor, progress: Progress | None = None) -> None:
        """Mean and scatter of the pathway differences of all training images, and the map of the chosen window.

        Of the window's columns alone, where only the headline score will be asked for.
        """
        columns = self.pathway.columns(*(self.knobs.window() if self.headline_alone else (0, self.pathway.last)))
        stream = Stream(columns.stop - columns.start, self.device)
        for batch in batches(images, self.chunk, progress or Progress(), shuffle=False):
            stream.update(self.differences(images[batch])[0][:, columns])
        self.statistics = replace(stream.statistics(), start=columns.start)
        self.whitening = whitening(self.statistics, self.pathway, *self.knobs.window())
        self._all_windows = None

    def regain(self, task: TaskTensors) -> None:
        if self.statistics is None:
            self.fit_statistics(task.train)

    def all_windows(self) -> AllWindows | None:
        """NAP of every window, where the scatter is at hand."""
        if self._all_windows is None and self.statistics is not None:
            self._all_windows = AllWindows(self.statistics, self.pathway)
        return self._all_windows

    def squared_norms(self, differences: Tensor) -> Tensor:
        """|d_i|^2 of every layer: [B, D] -> [B, L + 1]."""
        return torch.stack([each.square().sum(1) for each in differences.split(self.pathway.widths, 1)], 1)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        differences, *_ = self.differences(images)
        norms = self.squared_norms(differences)
        assert self.whitening is not None, "score is called after training"
        scores = {
            "reconstruction": norms[:, 0],
            "sap": sap(norms, *self.knobs.window()),
            "nap": self.whitening.nap(differences),
        }
        return scores | {f"layer-{i}": norms[:, i] for i in range(norms.shape[1])}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """The redrawing, the terms of the scores and the latent units of each image.

        reconstruction: uint8 [B, C, H, W].  layers: |d_i|^2, [B, L + 1].  latent: [B, bottleneck].
        windows: NAP of all, [B, W].
        """
        differences, redrawn, codes = self.differences(images)
        reasons = {
            "reconstruction": (redrawn.clamp(0, 1) * 255).round().byte().view(len(images), *self.shape),
            "layers": self.squared_norms(differences),
            "latent": codes[:, : self.knobs.bottleneck],
        }
        every = self.all_windows()
        return reasons if every is None else reasons | {"windows": every.nap(differences)}

    def portrait(self, task: TaskTensors) -> Arrays:
        """The pathway's windows, and the spectra of the training differences.

        widths [L + 1]; windows [W, 2]; ranks [W]; count; spectra: singular values, window after window;
        spectrum_ends [W].  Wide pathways have the spectrum of the chosen window alone (the other ends are equal to
        those before).
        """
        every = self.all_windows()
        if every is None or self.statistics is None:
            return {}
        small = sum(self.pathway.widths) <= SMALL_PATHWAY
        empty = torch.zeros(0, dtype=torch.float64)
        spectra = [
            singular_values(self.statistics, self.pathway.columns(*w)).cpu()
            if small or w == self.knobs.window()
            else empty
            for w in self.pathway.windows
        ]
        return {
            "widths": np.array(self.pathway.widths),
            "windows": np.array(self.pathway.windows),
            "ranks": np.array(every.ranks),
            "count": np.array(self.statistics.count),
            "spectra": torch.cat(spectra).numpy(),
            "spectrum_ends": np.cumsum([len(s) for s in spectra]),
        }

    @torch.inference_mode()
    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """layers [P, L + 1] of the probe, and the reconstruction of its first 24 images."""
        differences, redrawn, _ = self.differences(probe)
        pictures = (redrawn[:24].clamp(0, 1) * 255).round().byte().view(-1, *self.shape)
        return {"layers": self.squared_norms(differences).cpu().numpy(), "reconstruction": pictures.cpu().numpy()}

    def set_knobs(self, knobs: cards.Knobs, task: Callable[[], TaskTensors]) -> None:
        moved = knobs.window() != self.knobs.window()
        self.knobs = knobs
        if moved and self.statistics is not None:
            self.whitening = whitening(self.statistics, self.pathway, *knobs.window())
        elif moved:
            self.fit_statistics(task().train.to(self.device))

    def state(self) -> State:
        state: State = {"networks": dict(self.networks.state_dict())}
        if self.whitening is not None:
            w = self.whitening
            state["whitening"] = {
                "columns": [w.columns.start, w.columns.stop],
                "mean": w.mean,
                "triangular": w.triangular,
                "rank": w.rank,
                "factor": packed(w.factor) if w.triangular else w.factor,
            }
            if w.away is not None:
                state["whitening"]["away"] = w.away
        if self.statistics is not None and len(self.statistics.mean) <= SMALL_PATHWAY:
            s = self.statistics
            state["statistics"] = {"count": s.count, "mean": s.mean, "scatter": packed(s.scatter)}
        return state

    def load(self, state: State) -> None:
        self.networks.load_state_dict(state["networks"])
        self.statistics = self.whitening = self._all_windows = None
        if "whitening" in state:
            w = state["whitening"]
            columns = slice(*w["columns"])
            factor = w["factor"].to(self.device)
            if w["triangular"]:
                factor = unpacked(factor, columns.stop - columns.start)
            away = w["away"].to(self.device) if "away" in w else None
            self.whitening = Whitening(columns, w["mean"].to(self.device), factor, w["triangular"], w["rank"], away)
        if "statistics" in state:
            s = state["statistics"]
            mean, lower = s["mean"].to(self.device), unpacked(s["scatter"].to(self.device), len(s["mean"]))
            self.statistics = Statistics(s["count"], mean, lower + lower.tril(-1).T)


class RappAE(Rapp):
    """Plain autoencoder: the sum of squared errors alone."""

    card = cards.AE

    def step(self, images: Tensor, optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        with self.autocast():
            redrawn = self.redraw(images)
        loss = squared_error(images, redrawn.float())
        descend(loss, optimisers["adam"])
        return {"reconstruction": loss.detach()}


class RappVAE(Rapp):
    """Variational autoencoder: squared error averaged over k draws of the latent, plus the KL divergence, weight 1."""

    card = cards.VAE
    latent_outputs = 2

    def __init__(self, knobs: cards.VAEKnobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.noise = torch.randn(knobs.draws, knobs.bottleneck)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, [B, bottleneck] each."""
        mean, log_variance = through(self.encoder, images).chunk(2, 1)
        return mean, log_variance

    def decode_draws(self, mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
        """Decoded z = mean + exp(log_variance / 2) noise.

        noise: broadcasts to [k, B, bottleneck].  Returns [k, B, pixels].
        """
        z = mean + (log_variance / 2).exp() * noise
        return through(self.decoder, z.flatten(0, 1)).view(*z.shape[:2], -1)

    def decoded(self, codes: Tensor) -> Tensor:
        mean, log_variance = codes.chunk(2, 1)
        if not len(self.noise):
            return through(self.decoder, mean)
        return self.decode_draws(mean, log_variance, self.noise[:, None]).mean(0)

    def step(self, images: Tensor, optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        with self.autocast():
            mean, log_variance = self.encode(images)
            noise = torch.randn(max(1, self.knobs.draws), *mean.shape, device=self.device)
            redrawn = self.decode_draws(mean, log_variance, noise)
        error = squared_error(images.expand_as(redrawn), redrawn.float()) / len(redrawn)
        divergence = kl_divergence(mean.float(), log_variance.float())
        descend(error + divergence, optimisers["adam"])
        return {"reconstruction": error.detach(), "kl": divergence.detach()}

    def to(self, device: torch.device) -> "RappVAE":
        super().to(device)
        self.noise = self.noise.to(device)
        return self

    def state(self) -> State:
        return super().state() | {"noise": self.noise}

    def load(self, state: State) -> None:
        super().load(state)
        self.noise = state["noise"].to(self.device)


class RappAAE(Rapp):
    """Adversarial autoencoder: squared error, then the discriminator, then the encoder against it, in each batch."""

    card = cards.AAE

    def __init__(self, knobs: cards.AAEKnobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.networks["discriminator"] = discriminator(cards.widths(knobs.bottleneck, 1, knobs.layers))

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        rates = {
            "encoder": self.knobs.learning_rate,
            "decoder": self.knobs.learning_rate,
            "discriminator": self.knobs.discriminator_rate,
        }
        return {name: Adam(self.networks[name].parameters(), rate, fused=True) for name, rate in rates.items()}

    def step(self, images: Tensor, optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        judge = self.networks["discriminator"]
        with self.autocast():
            redrawn = self.redraw(images)
        error = squared_error(images, redrawn.float())
        descend(error, optimisers["encoder"], optimisers["decoder"])

        with self.autocast():
            latent = through(self.encoder, images)
            prior = torch.randn_like(latent)
            told, mistaken = judge(prior), judge(latent.detach())
        told_apart = real_or_fake(told.float(), True) + real_or_fake(mistaken.float(), False)
        descend(told_apart, optimisers["discriminator"])

        with self.autocast():
            fooled = judge(through(self.encoder, images))
        deceit = real_or_fake(fooled.float(), True)
        descend(deceit, optimisers["encoder"])
        return {"reconstruction": error.detach(), "discriminator": told_apart.detach(), "generator": deceit.detach()}
