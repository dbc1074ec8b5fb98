#!/usr/bin/env bash
# scikit-learn's LocalOutlierFactor(novelty=True): many copies of one point push the scores of new points that are as
# ordinary as any to -1e9.  fit_predict of the same class warns of duplicates; fit, which scoring new
# points needs, says nothing.
# Seen with scikit-learn 1.9.1, numpy 2.4.6: a point at distance 0.1 from 30 copies scores -1e+09 (-1 is ordinary)
# and no warning is raised; without the copies the same point scores -0.94.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
"$place/environment/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from sklearn.neighbors import LocalOutlierFactor

rng = np.random.default_rng(0)
spread = rng.normal(size=(200, 4))
copies = np.zeros((30, 4))
asked = np.full((1, 4), 0.05)  # 0.1 away from the copies, well inside the cloud


def score(points: np.ndarray) -> float:
    return float(LocalOutlierFactor(n_neighbors=20, novelty=True).fit(points).score_samples(asked)[0])


with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    with_copies, without = score(np.concatenate([spread, copies])), score(spread)
print(f"without copies {without:.2f}, with 30 copies {with_copies:.3g}, warnings {len(told)}")
assert -2 < without < -0.8, without
assert with_copies < -1e7, with_copies
assert not told, told
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    LocalOutlierFactor(n_neighbors=20).fit_predict(np.concatenate([spread, copies]))
print("fit_predict warns:", [str(each.message)[:60] for each in told])
PYTHON
