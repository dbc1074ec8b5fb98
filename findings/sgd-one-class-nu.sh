#!/usr/bin/env bash
# scikit-learn's SGDOneClassSVM takes nu as OneClassSVM does, but the share of training points that it rejects is not
# near nu: it depends on the seed of the optimiser.  The ranking stays that of the exact machine.
# Seen with scikit-learn 1.9.1: nu = 0.1 on the 1, 4 and 7 of its digits, after a Nystroem map, rejects from 5.7 to
# 13.3 % of them over ten seeds; OneClassSVM rejects 10.5 %; the rank correlation of the two is at least 0.99.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
"$place/environment/bin/python" - <<'PYTHON'
import numpy as np
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.svm import OneClassSVM

images, labels = load_digits(return_X_y=True)
points = images[np.isin(labels, (1, 4, 7))] / 16
gamma = 1 / (points.shape[1] * points.var())
exact = OneClassSVM(gamma=gamma, nu=0.1).fit(points)
rejected, alike = [], []
for seed in range(10):
    mapped = Nystroem(gamma=gamma, n_components=200, random_state=seed).fit_transform(points)
    fast = SGDOneClassSVM(nu=0.1, random_state=seed).fit(mapped)
    rejected.append(float((fast.predict(mapped) == -1).mean()))
    alike.append(float(spearmanr(fast.score_samples(mapped), exact.score_samples(points)).statistic))
share = float((exact.predict(points) == -1).mean())
print(f"exact {share:.3f}; linear-time {min(rejected):.3f} to {max(rejected):.3f}; rank correlation {min(alike):.2f} and up")
assert abs(share - 0.1) < 0.01, share
assert min(rejected) < 0.08 and max(rejected) > 0.12, rejected
assert min(alike) > 0.95, alike
PYTHON
