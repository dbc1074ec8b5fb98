#!/usr/bin/env bash
# numpy's quantile interpolates between two order statistics by a weighted sum even where the weight of one is 0: with a
# single infinite value among the scores, the default method can give nan at a rank whose own value is finite, while
# method="higher" and "lower" give that value.
# Seen with numpy 2.4.6.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
"$place/environment/bin/python" -W ignore - <<'PYTHON'
import numpy as np

scores = np.array([0.0, 1.0, 2.0, 3.0, np.inf])
for share in (0.5, 0.75):
    told = {method: float(np.quantile(scores, share, method=method)) for method in ("linear", "higher", "lower")}
    print(share, told)
assert np.quantile(scores, 0.75, method="higher") == 3.0
assert np.isnan(np.quantile(scores, 0.75))
PYTHON
