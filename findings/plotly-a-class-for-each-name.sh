#!/usr/bin/env bash
# Plotly parses the name of a property each time that a figure is told one with underscores, and builds new classes to
# join its parts: 16 for `figure.update_layout(margin_t=34, xaxis_tickangle=0)`.  So what its manual calls magic
# underscores takes about twice the time of nested dicts (`margin={"t": 34}`, 4 classes), and `plotly_relayout`, which
# looks nothing up beforehand, a fortieth: a page of a dozen charts spent an eighth of its time there.
# Seen with plotly 7.1.0 on CPython 3.11.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check plotly==7.1.0 numpy==2.4.6
cat > "$place/names.py" <<'PYTHON'
import builtins
import statistics
import time

import plotly.graph_objects as go

figure, build, built = go.Figure(), builtins.__build_class__, [0]
ways = {
    "underscores": lambda: figure.update_layout(margin_t=34, xaxis_tickangle=0),
    "nested dicts": lambda: figure.update_layout(margin={"t": 34}, xaxis={"tickangle": 0}),
    "plotly_relayout": lambda: figure.plotly_relayout({"margin": {"t": 34}, "xaxis": {"tickangle": 0}}),
}


def counted(*words, **more):
    built[0] += 1
    return build(*words, **more)


def milliseconds(tell):
    took = []
    for _ in range(300):
        began = time.perf_counter()
        tell()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


found = {}
for way, tell in ways.items():
    tell()
    builtins.__build_class__, built[0] = counted, 0
    tell()
    builtins.__build_class__ = build
    found[way] = milliseconds(tell), built[0]
    print(f"{way}: {found[way][0]:.3f} ms, {found[way][1]} classes built")
assert found["underscores"][1] > 2 * found["nested dicts"][1] > 0, "plotly no longer does this"
assert found["underscores"][0] > 1.5 * found["nested dicts"][0], "underscores no longer cost much"
PYTHON
"$place/environment/bin/python" "$place/names.py"
