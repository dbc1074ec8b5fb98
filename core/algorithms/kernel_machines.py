"""One-class support vector machine, in exact and in linear time, and support vector data description, as arrays.

Papers: B. Schoelkopf, J. C. Platt, J. Shawe-Taylor, A. J. Smola, R. C. Williamson, Estimating the Support of a
High-Dimensional Distribution, Neural Computation 13, 2001 (OC-SVM).  D. M. J. Tax, R. P. W. Duin, Support Vector Data
Description, Machine Learning 54, 2004 (SVDD).  C. Williams, M. Seeger, Using the Nystroem Method to Speed Up Kernel
Machines, NIPS 2000.

Idea: a kernel measures how alike two images are. OC-SVM separates the training images from the origin of the kernel's
space as widely as it can, and leaves a share `nu` of them on the wrong side; the answer is a weighted sum of kernels
at a few training images, the support vectors. SVDD looks for the smallest ball around them instead. Where an image is
equally alike to itself everywhere, k(x, x) = 1, all images lie on a sphere: the ball's cap and the half-space cut it
in the same way, and both rank images alike.

scikit-learn solves the programmes; what a score needs is kept as tensors and computed here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import WrongRequest

KERNELS = ("rbf", "polynomial")  # exp(-gamma |x - y|^2) and (gamma <x, y> + 1)^3
CACHE = 400  # MB for the solver: the kernel of 10,000 images in float32
BLOCK_KERNELS = 1 << 22  # kernels held at once, 32 MiB in float64


@dataclass(frozen=True, eq=False)
class KernelMachine:
    """A weighted sum of kernels, low where an image is novel.

    vectors: [S, D].  coefficients: float64 [S]; of an exact machine in (0, 1] and summing to nu n.  offset: what a
    score is compared with: minus it is the border.  places: int64 [S], the training images that the vectors are.
    exact: False where the vectors are the landmarks of an approximation.
    """

    vectors: Tensor
    coefficients: Tensor
    offset: float
    gamma: float
    kernel: str
    places: Tensor
    exact: bool

    @classmethod
    def fit(cls, rows: Tensor, nu: float, gamma: float, kernel: str = "rbf") -> "KernelMachine":
        """The exact OC-SVM of [N, D].

        nu: in (0, 1), at most this share of the images lies outside, and at least this share are support vectors.
        Costs N^2 to N^3.  Raises WrongRequest for another kernel.  Source: Schoelkopf et al., eq. 3.4 to 3.11.
        """
        from sklearn.svm import OneClassSVM

        name, settings = _for_scikit_learn(kernel, gamma)
        machine = OneClassSVM(kernel=name, nu=nu, cache_size=CACHE, **settings)
        machine.fit(rows.double().cpu().numpy())
        places = torch.from_numpy(machine.support_).long().to(rows.device)
        coefficients = torch.from_numpy(machine.dual_coef_[0]).to(rows.device)
        return cls(rows[places], coefficients, float(machine.offset_[0]), gamma, kernel, places, True)

    @classmethod
    def fit_linear(
        cls, rows: Tensor, nu: float, gamma: float, kernel: str = "rbf", landmarks: int = 1000, seed: int = 0
    ) -> "KernelMachine":
        """An OC-SVM in time linear in N: stochastic gradient descent on whitened kernels with a few drawn rows.

        landmarks: how many rows are drawn.  A hyperplane w in the whitened space z(x) = W k(x, landmarks) is the sum
        of kernels with the coefficients W^T w.
        Raises WrongRequest for another kernel.
        """
        from sklearn.kernel_approximation import Nystroem
        from sklearn.linear_model import SGDOneClassSVM

        name, settings = _for_scikit_learn(kernel, gamma)
        data = rows.double().cpu().numpy()
        landmarks = min(landmarks, len(rows))
        whitening = Nystroem(kernel=name, n_components=landmarks, random_state=seed, **settings)
        machine = SGDOneClassSVM(nu=nu, random_state=seed).fit(whitening.fit_transform(data))
        places = torch.from_numpy(whitening.component_indices_).long().to(rows.device)
        coefficients = torch.from_numpy(whitening.normalization_.T @ machine.coef_).to(rows.device)
        return cls(rows[places], coefficients, float(machine.offset_[0]), gamma, kernel, places, False)

    def similarities(self, rows: Tensor) -> Tensor:
        """k(x, x_i): [N, D] -> float64 [N, S]."""
        return kernels(rows, self.vectors, self.gamma, self.kernel)

    def score(self, rows: Tensor) -> Tensor:
        """-sum_i a_i k(x, x_i): float64 [N], higher = more novel.  Above -offset is outside."""
        parts = rows.split(max(1, BLOCK_KERNELS // len(self.vectors)))
        return -torch.cat([self.similarities(part) @ self.coefficients for part in parts])


@dataclass(frozen=True, eq=False)
class Ball:
    """SVDD: the smallest ball in the kernel's space that leaves a share `nu` of the training images outside.

    machine: the OC-SVM with nu = 1 / (C n), whose coefficients are the ball's up to a factor.
    weights: float64 [S], summing to 1: its centre is sum_i a_i phi(x_i).  spread: |centre|^2.  squared_radius: R^2.
    """

    machine: KernelMachine
    weights: Tensor
    spread: float
    squared_radius: float

    @classmethod
    def of(cls, machine: KernelMachine) -> "Ball":
        """The ball that an exact OC-SVM describes too.

        Raises WrongRequest where k(x, x) is not the same for all images: there the two differ.
        Source: Tax and Duin, section 2.4; Schoelkopf et al., section 3.
        """
        if machine.kernel != "rbf" or not machine.exact:
            raise WrongRequest(
                "SVDD is found here by way of OC-SVM, which is the same only where every image is equally alike to "
                "itself. Choose the kernel rbf and the solver exact."
            )
        total = float(machine.coefficients.sum())
        weights = machine.coefficients / total
        spread = -float(machine.score(machine.vectors) @ weights) / total
        return cls(machine, weights, spread, 1 - 2 * machine.offset / total + spread)

    def squared_distances(self, rows: Tensor) -> Tensor:
        """d^2(x) = k(x, x) - 2 sum_i a_i k(x, x_i) + sum_ij a_i a_j k(x_i, x_j): float64 [N].  Tax and Duin, eq. 15."""
        return 1 + 2 * self.machine.score(rows) / float(self.machine.coefficients.sum()) + self.spread


def gamma_of(rows: Tensor, rule: str) -> float:
    """Kernel width of the name: "scale" 1 / (D var), "auto" 1 / D, else a number.  Equal images have variance 1."""
    if rule not in ("scale", "auto"):
        return float(rule)
    if rule == "auto":
        return 1 / rows.shape[1]
    variance = float(rows.double().var(correction=0))
    return 1 / (rows.shape[1] * (variance or 1.0))


def kernels(rows: Tensor, others: Tensor, gamma: float, kernel: str = "rbf") -> Tensor:
    """k(x, y) of each pair, float64: [N, D] and [M, D] -> [N, M]."""
    rows, others = rows.double(), others.double()
    if kernel == "polynomial":
        return (gamma * rows @ others.T + 1) ** 3
    mean = others.mean(0)  # no digits are lost to a common offset
    rows, others = rows - mean, others - mean
    squared = torch.addmm(others.square().sum(1), rows, others.T, alpha=-2) + rows.square().sum(1, keepdim=True)
    return (-gamma * squared.clamp(min=0)).exp()


def _for_scikit_learn(kernel: str, gamma: float) -> tuple[str, dict[str, float]]:
    if kernel not in KERNELS:
        raise WrongRequest(f"There is no kernel {kernel!r} here. Choose from {', '.join(KERNELS)}.")
    if kernel == "rbf":
        return "rbf", {"gamma": gamma}
    return "poly", {"gamma": gamma, "degree": 3, "coef0": 1}
