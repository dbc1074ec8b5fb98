"""Classical one-class methods on pixels or principal components: no network, fitted in a single step.

The papers are those of the algorithms: core/algorithms/kernel_machines.py (one-class SVM, SVDD), isolation.py,
neighbours.py (nearest neighbours, PCA error), gaussian.py, local_outlier.py. CLAD's and Deep SVDD's papers measure
themselves against some of them; what any network has to beat is all of them.

Each keeps arrays from which its scores are computed, and no estimator.

Differs from the papers:
1. Thresholds come from held-out scores, as for every method here, not from nu or a share of contamination.
2. One-class SVM, SVDD, nearest neighbours and local outlier factor learn from a draw where there are more training
   images than `most`; the draw doesn't depend on the run's seed.
"""

import numpy as np
import torch
from torch import Tensor

from core.algorithms.gaussian import Gaussian
from core.algorithms.isolation import IsolationForest
from core.algorithms.kernel_machines import Ball, KernelMachine, gamma_of
from core.algorithms.local_outlier import LocalOutlier, about_copies, distinct
from core.algorithms.neighbours import Bank, PrincipalComponents, rows_of
from core.methods.cards import baselines as cards
from core.methods.fitted import GALLERY, Baseline, gallery, record, side_by_side
from core.training.loop import State

REASONS = 5  # training images that an explanation names
PICTURED = 3  # of them are shown
SHOWN_AXES = 32


# --- kernel machines --------------------------------------------------------------------------------------------------


class OneClassSVM(Baseline):
    card = cards.OC_SVM

    def learn(self, images: Tensor) -> State:
        """Support vectors as pictures, their places among the training images, coefficients, offset and width."""
        knobs, linear = self.knobs, getattr(self.knobs, "solver", "exact") == "linear"
        chosen = torch.arange(len(images), device=images.device) if linear else self.draw(images)
        rows = self.rows(images[chosen])
        gamma = gamma_of(rows, knobs.gamma)
        if linear:
            machine = KernelMachine.fit_linear(rows, knobs.nu, gamma, knobs.kernel, knobs.landmarks)
            count = len(machine.places)
            self.notes.append(f"Fitted to all images, by kernels with {count:,} of them that were drawn as landmarks.")
        else:
            machine = KernelMachine.fit(rows, knobs.nu, gamma, knobs.kernel)
        kept = record(machine)
        del kept["vectors"]
        return kept | {"places": chosen[machine.places], "pictures": images[chosen[machine.places]]}

    def ready(self) -> None:
        kept = {name: value for name, value in self.fitted.items() if name != "pictures"}
        self.machine = KernelMachine(self.rows(self.fitted["pictures"]), **kept)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"margin": self.machine.score(self.rows(images)) + self.machine.offset}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """The support vectors (or landmarks) that are most alike, most alike first.

        neighbours: [B, k], which training images they are; similarities: [B, k], kernels with them; weights: [B, k],
        their coefficients; near: [B, C, H, 3 W], the first three side by side.
        """
        alike = self.machine.similarities(self.rows(images))
        alike, which = alike.topk(min(REASONS, alike.shape[1]), dim=1)
        return {
            "neighbours": self.machine.places[which].int(),
            "similarities": alike.float(),
            "weights": self.machine.coefficients[which].float(),
            "near": side_by_side(self.fitted["pictures"][which[:, :PICTURED]]),
        }

    def pictures(self) -> dict[str, Tensor]:
        """coefficients: [S], falling.  vector_images: the support vectors of the largest, and their places.  offset."""
        order = self.machine.coefficients.argsort(descending=True, stable=True)
        return {
            "coefficients": self.machine.coefficients[order].float(),
            "vector_images": self.fitted["pictures"][order[: 8 * GALLERY]],
            "places": self.machine.places[order].int(),
            "offset": torch.tensor(self.machine.offset),
            "gamma": torch.tensor(self.machine.gamma),
        }


class SupportVectorDescription(OneClassSVM):
    card = cards.SVDD

    def ready(self) -> None:
        super().ready()
        self.ball = Ball.of(self.machine)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"boundary": self.ball.squared_distances(self.rows(images)) - self.ball.squared_radius}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """As OC-SVM, with weights that sum to 1 over all support vectors.

        distances: [B], squared, to the centre; squared_radius: [B], the same for every image.
        """
        distances = self.ball.squared_distances(self.rows(images)).float()
        reasons = super().explain_batch(images)
        reasons["weights"] = (reasons["weights"].double() / float(self.machine.coefficients.sum())).float()
        return reasons | {
            "distances": distances,
            "squared_radius": torch.full_like(distances, self.ball.squared_radius),
        }

    def pictures(self) -> dict[str, Tensor]:
        """As OC-SVM, with the weights for coefficients; squared_radius and spread (|centre|^2) of the ball."""
        shown = super().pictures()
        shown["coefficients"] = shown["coefficients"] / float(self.machine.coefficients.sum())
        return shown | {
            "squared_radius": torch.tensor(self.ball.squared_radius),
            "spread": torch.tensor(self.ball.spread),
        }


# --- isolation forest -------------------------------------------------------------------------------------------------


class Isolation(Baseline):
    card = cards.ISOLATION_FOREST

    def learn(self, images: Tensor) -> State:
        seed = int(torch.randint(2**31, ()))  # from the state that the loop has seeded
        forest = IsolationForest.fit(self.rows(images), self.knobs.trees, self.knobs.sample, seed)
        if not forest.depth:
            self.collapsed = (
                "All training images are equal, so no cut parts them and every image gets the same score. "
                "Choose other training images."
            )
        return record(forest)

    def ready(self) -> None:
        self.forest = IsolationForest(**self.fitted)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"anomaly": self.forest.score(self.rows(images))}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """path_lengths: [B, T], cuts that part the image in each tree.  expected: [B], cuts that are usual."""
        lengths = self.forest.path_lengths(self.rows(images)).float()
        return {"path_lengths": lengths, "expected": torch.full_like(lengths[:, 0], self.forest.expected)}

    def pictures(self) -> dict[str, Tensor]:
        """cuts: how often each pixel [C, H, W], or component [D], is cut in all trees.  expected: usual cuts."""
        forest = self.forest
        inner = forest.children[:, 0] != torch.arange(len(forest.children), device=self.device)
        columns = int(np.prod(self.shape)) if self.components is None else len(self.components.axes)
        cuts = forest.features[inner].bincount(minlength=columns)
        shown = cuts.reshape(self.shape) if self.components is None else cuts
        return {"cuts": shown, "expected": torch.tensor(forest.expected)}


# --- neighbours -------------------------------------------------------------------------------------------------------


class NearestNeighbours(Baseline):
    card = cards.NEAREST_NEIGHBOURS

    def learn(self, images: Tensor) -> State:
        chosen = self.draw(images)
        return {"places": chosen, "pictures": images[chosen]}

    def ready(self) -> None:
        self.bank = Bank.of(self.rows(self.fitted["pictures"]))

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        distances, _ = self.bank.nearest(self.rows(images), self.knobs.neighbours)
        return {"mean": distances.mean(1), "last": distances[:, -1]}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """The nearest training images, nearest first.

        neighbours: [B, k], which they are; distances: [B, k]; near: [B, C, H, 3 W], the first three side by side.
        """
        distances, which = self.bank.nearest(self.rows(images), self.knobs.neighbours)
        return {
            "neighbours": self.fitted["places"][which].int(),
            "distances": distances,
            "near": side_by_side(self.fitted["pictures"][which[:, :PICTURED]]),
        }

    def pictures(self) -> dict[str, Tensor]:
        """Training images, at most 2,000, that lie nearest to and farthest from their neighbours among all."""
        some = self.bank.rows[:2000]
        distances, _ = self.bank.nearest(some, self.knobs.neighbours + 1)
        return gallery(distances[:, 1:].mean(1), self.fitted["pictures"])  # the first is the image itself


class LocalOutlierFactor(Baseline):
    card = cards.LOCAL_OUTLIER_FACTOR

    def learn(self, images: Tensor) -> State:
        chosen = self.draw(images)
        # Copies are looked for among the pixels: as components they may differ by rounding.
        kept = chosen[distinct(images[chosen].flatten(1))]
        if note := about_copies(len(chosen), len(kept)):
            self.notes.append(note)
        factors = LocalOutlier.fit(self.rows(images[kept]), self.knobs.neighbours)
        fitted = record(factors) | {"places": kept[factors.places], "pictures": images[kept[factors.places]]}
        del fitted["rows"]
        return fitted

    def ready(self) -> None:
        kept = {name: value for name, value in self.fitted.items() if name != "pictures"}
        self.factors = LocalOutlier(self.rows(self.fitted["pictures"]), **kept)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"factor": self.factors.score(self.rows(images))}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """As nearest neighbours; density: [B] at the image; densities: [B, k] at its neighbours, 1 / mean reach."""
        distances, which, density = self.factors.compared(self.rows(images))
        return {
            "neighbours": self.factors.places[which].int(),
            "distances": distances,
            "density": density,
            "densities": self.factors.densities[which],
            "near": side_by_side(self.fitted["pictures"][which[:, :PICTURED]]),
        }

    def pictures(self) -> dict[str, Tensor]:
        """densities: [M] of the distinct training images; those where it is densest and sparsest."""
        densities = self.factors.densities
        return {"densities": densities} | gallery(1 / densities, self.fitted["pictures"])


# --- linear descriptions ----------------------------------------------------------------------------------------------


class PcaError(Baseline):
    card = cards.PCA_ERROR

    def learn(self, images: Tensor) -> State:
        every = PrincipalComponents.of(rows_of(images))
        # Equal images have no components: what can't be redrawn is all that differs from them.
        kept = every.keeping(self.knobs.share) if every.ratio.any() else every.first(0)
        return record(kept) | {"ratio": every.ratio}

    def ready(self) -> None:
        self.kept = PrincipalComponents(**self.fitted)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"error": self.kept.error(rows_of(images))}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """redrawn: uint8 [B, C, H, W], the image as the components redraw it.  coordinates: [B, <= 32], the first.

        off_mean: [B], squared distance to the mean image, the error without any component.
        """
        rows = rows_of(images)
        redrawn = (rows - self.kept.left_over(rows)).clamp(0, 1)
        return {
            "redrawn": (255 * redrawn).round().byte().reshape(images.shape),
            "coordinates": self.kept.project(rows)[:, :SHOWN_AXES],
            "off_mean": (rows - self.kept.mean).square().sum(1),
        }

    def pictures(self) -> dict[str, Tensor]:
        """axes: the first components [<= 32, C, H, W].  ratio: [D], share of the variance of each.  kept: how many."""
        axes = self.kept.axes
        return {
            "axes": axes[:SHOWN_AXES].reshape(-1, *self.shape),
            "ratio": self.kept.ratio,
            "kept": torch.tensor(len(axes)),
        }


class GaussianDistance(Baseline):
    card = cards.GAUSSIAN

    def learn(self, images: Tensor) -> State:
        return record(Gaussian.fit(self.rows(images)))

    def ready(self) -> None:
        self.gaussian = Gaussian(**self.fitted)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"mahalanobis": self.gaussian.squared_distances(self.rows(images))}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """shares: [B, H, W], what each pixel adds to the squared distance, as a share of it; they sum to 1.

        by_axis: [B, 10], the share of each tenth of the directions, from the widest to the narrowest.
        """
        rows = self.rows(images)
        squared = self.gaussian.coordinates(rows).square()
        total = squared.sum(1, keepdim=True).clamp(min=1e-12)
        slope, centred = self.gaussian.slope(rows), rows - self.gaussian.mean
        if self.components is not None:  # back to the pixels that the components are made of
            slope, centred = slope @ self.components.axes, rows_of(images) - self.components.mean
        tenths = [part.sum(1) for part in (squared / total).tensor_split(10, dim=1)]
        shares = (centred * slope / total).reshape(images.shape).sum(1)
        return {"shares": shares.half(), "by_axis": torch.stack(tenths, 1)}

    def pictures(self) -> dict[str, Tensor]:
        """variances: [D] of the directions, falling.  shrinkage: share of the sphere.  axes: the widest."""
        axes = self.gaussian.axes[:SHOWN_AXES]
        if self.components is not None:
            axes = axes @ self.components.axes
        return {
            "variances": self.gaussian.variances,
            "shrinkage": torch.tensor(self.gaussian.shrinkage),
            "axes": axes.reshape(-1, *self.shape),
        }
