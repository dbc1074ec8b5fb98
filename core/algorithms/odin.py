"""How sure a classifier is of an image: softmax, temperature, ODIN's step, energy, largest logit.

Papers: ODIN: S. Liang, Y. Li, R. Srikant, Enhancing the Reliability of Out-of-distribution Image Detection in Neural
Networks, ICLR 2018; max-softmax: D. Hendrycks, K. Gimpel, 2017; energy: W. Liu et al., Energy-based
Out-of-distribution Detection, 2020; the choice of the step: Y.-C. Hsu et al., Generalized ODIN, 2020.

Idea: an image is novel if no class is sure of it. Dividing the logits by a temperature T undoes the saturation of the
softmax; a small step of the image towards more confidence helps known images more than unknown ones.

Scores are minus the logarithm of a confidence, or minus a logit, so higher = more novel. They rank as 1 - confidence
does, and keep their digits where it has lost them: at T = 1000 all confidences lie within about 0.01 of 1 / K.

The step `epsilon` is in units of the pixel range [0, 1]; the network takes standardised images, so the step is divided
by the deviation of each channel (ODIN's own code does the same).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.errors import RunFailed

# --- scores: logits [..., K] -> [...] ---------------------------------------------------------------------------------


def unconfidence(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """-log max_c S_c(x; T), at least 0, float64: 0 is certain, log K knows nothing.  ODIN, eq. 1.

    With T = 1 this is max-softmax; with logits of a stepped image, ODIN.
    """
    scaled = logits.double() / temperature
    best, place = scaled.max(-1, keepdim=True)
    others = (scaled - best).exp().scatter(-1, place, 0)  # the best class adds exactly 1, which log1p keeps apart
    return torch.log1p(others.sum(-1))


def energy(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """-T logsumexp(f / T), float64.  Liu et al., eq. 4."""
    return -temperature * torch.logsumexp(logits.double() / temperature, -1)


def negative_logit(logits: Tensor) -> Tensor:
    """Minus the largest logit, float64."""
    return -logits.double().amax(-1)


# --- the step ---------------------------------------------------------------------------------------------------------


def ascent(network: nn.Module, images: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The direction in which each image's confidence grows, and the logits on the way.

    network: in evaluation mode, standardised [B, C, H, W] -> [B, K].  Returns the sign of the gradient of
    log S_yhat(x; T) for each image, [B, C, H, W], 0 where it is flat, and the logits [B, K].  Works under
    `torch.no_grad`, not under `torch.inference_mode`.  Raises RunFailed where a gradient is not a number.
    Source: ODIN, eq. 2.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        logits = network(images)
        # Summed, so that one call gives every image its own gradient. Float64: at T = 1000 the softmax is nearly flat.
        confidence = torch.log_softmax(logits.double() / temperature, 1).amax(1).sum()
        (gradient,) = torch.autograd.grad(confidence, images)
    if not torch.isfinite(gradient).all():
        raise RunFailed(
            "The gradient of the confidence is not a number: the classifier has diverged. "
            "Choose a smaller learning rate of the classifier."
        )
    return gradient.sign_(), logits.detach()


def stepped(images: Tensor, direction: Tensor, epsilon: float, deviation: Tensor) -> Tensor:
    """x~: the image, a step of `epsilon` of the pixel range along the direction.

    images: standardised [B, C, H, W].  deviation: [C], what they were divided by.  Source: ODIN, eq. 2.
    """
    return images + direction * (epsilon / deviation).view(-1, 1, 1)


def after_steps(
    network: nn.Module, images: Tensor, direction: Tensor, still: Tensor, epsilons: Sequence[float], deviation: Tensor
) -> Tensor:
    """Logits after a step of each length along one direction: [B, E, K].

    direction, still: what `ascent` gave for these images; a step of 0 costs nothing more.  The others as in `stepped`.
    """
    with torch.no_grad():
        each = [network(stepped(images, direction, epsilon, deviation)) if epsilon else still for epsilon in epsilons]
    return torch.stack(each, 1)


def logits_on_grid(
    network: nn.Module, images: Tensor, epsilons: Sequence[float], temperature: float, deviation: Tensor
) -> Tensor:
    """Logits after a step of each length, from one gradient: [B, E, K].

    network, images, temperature, deviation: as in `ascent` and `stepped`.
    """
    direction, still = ascent(network, images, temperature)
    return after_steps(network, images, direction, still, epsilons, deviation)


def surest(logits: Tensor, temperature: float) -> tuple[int, Tensor]:
    """The step that makes known images most confident: its place on the grid, and the mean confidence of each step.

    logits: [N, E, K] of normal images that the training has not seen.  Returns the place (the smallest step among
    equals) and mean max_c S_c(x~; T), float64 [E].  Source: Generalized ODIN, section 3.2: no novel image is needed.
    """
    mean = (-unconfidence(logits, temperature)).exp().mean(0)
    return int(mean.argmax()), mean
