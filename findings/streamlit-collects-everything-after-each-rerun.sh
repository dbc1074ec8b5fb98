#!/usr/bin/env bash
# Streamlit ends every rerun of a page with a full garbage collection (`runner.postScriptGC`, on by default), and tells
# the browser that the rerun has ended only after it: what a server keeps alive, such as loaded libraries and cached
# tables, is walked through at each press of a key. With a million containers alive a page of one line took 85 ms from
# the request to that word, and 45 with the option off, most of which is how often the server sends.
# Seen with streamlit 1.67.0 on CPython 3.11.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check streamlit==1.67.0 websockets==15.0.1
cat > "$place/page.py" <<'PYTHON'
import gc
import sys

import streamlit as st

if not hasattr(sys, "kept"):
    sys.kept = [[] for _ in range(1_000_000)]  # stands for what a server has loaded and cached
    sys.full = [0]
    gc.callbacks.append(lambda phase, about: sys.full.__setitem__(0, sys.full[0] + (phase == "stop" and about["generation"] == 2)))
st.write(f"full collections: {sys.full[0]};")
PYTHON
cat > "$place/reruns.py" <<'PYTHON'
import asyncio
import re
import statistics
import subprocess
import sys
import time

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


async def reruns(port, count):
    """Milliseconds from asking for a rerun to the word that it has ended, of each; full collections before the last."""
    for _ in range(100):
        try:
            channel = await websockets.connect(f"ws://localhost:{port}/_stcore/stream", subprotocols=["streamlit"])
            break
        except OSError:
            await asyncio.sleep(0.2)
    took, seen, ask = [], [], BackMsg()
    ask.rerun_script.query_string = ""
    for _ in range(count):
        began = time.perf_counter()
        await channel.send(ask.SerializeToString())
        told = ForwardMsg()
        while told.WhichOneof("type") != "script_finished":
            told.ParseFromString(await channel.recv())
            seen += re.findall(rb"full collections: (\d+);", told.SerializeToString())
        took.append(1000 * (time.perf_counter() - began))
    return took, int(seen[-1]) - int(seen[0])


found = {}
for port, wanted in ((8791, "true"), (8792, "false")):
    command = [sys.executable, "-m", "streamlit", "run", sys.argv[1], f"--server.port={port}", "--server.headless=true"]
    command += ["--browser.gatherUsageStats=false", f"--runner.postScriptGC={wanted}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        took, collections = asyncio.run(reruns(port, 21))
    finally:
        server.kill()
    found[wanted] = statistics.median(took[1:]), collections
    print(f"postScriptGC {wanted}: {found[wanted][0]:.1f} ms a rerun, {collections} full collections in 20 reruns")
assert found["true"][1] >= 19 and found["false"][1] < 5, "Streamlit no longer collects everything after each rerun"
assert found["true"][0] > 1.5 * found["false"][0], "the collection no longer delays the end of a rerun"
PYTHON
"$place/environment/bin/python" "$place/reruns.py" "$place/page.py"
