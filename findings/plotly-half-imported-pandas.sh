#!/usr/bin/env bash
# plotly asks sys.modules for pandas without importing it, and takes what it finds for the whole package.  Where another
# thread is in the middle of `import pandas`, making any trace fails with an AttributeError about a partially initialized
# module, although neither thread does anything wrong by itself: a server whose first two visitors come at once meets it.
# Importing pandas before the threads start avoids it.
# Seen with plotly 7.1.0 and pandas 3.1.1 on CPython 3.11.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check plotly==7.1.0 pandas==3.1.1 numpy==2.4.6
cat > "$place/draw.py" <<'PYTHON'
import sys
import threading

import plotly.graph_objects as go

if sys.argv[1] == "before":
    import pandas
seen, stop = [], threading.Event()


def draw():
    while not stop.is_set():
        try:
            go.Scatter(x=[1, 2])
        except AttributeError as error:
            seen.append(str(error))
            return


thread = threading.Thread(target=draw)
thread.start()
import pandas

stop.set()
thread.join()
print(seen or "nothing failed")
assert bool(seen) == (sys.argv[1] == "meanwhile")
PYTHON
for when in before meanwhile; do
    echo "pandas imported $when the thread that draws:"
    "$place/environment/bin/python" "$place/draw.py" "$when"
done
