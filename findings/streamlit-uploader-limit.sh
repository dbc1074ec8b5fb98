#!/usr/bin/env bash
# streamlit's file_uploader has a parameter max_upload_size, which by its documentation overrides the option
# server.maxUploadSize.  It does in the browser's own check and in the words under the widget alone: the server's upload
# route reads the option, so a widget that offers more than the option promises uploads that the server then refuses
# with 413.  It can only lower the limit; to raise it for one widget, raise the option and give the others a parameter.
# Seen with streamlit 1.67.0 on CPython 3.11: a widget of 20 MB under an option of 5 MB is told 413 for 8 MB, and takes
# 2 MB.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check streamlit==1.67.0 websockets==17.4 requests
cat > "$place/app.py" <<'PYTHON'
import streamlit as st

st.file_uploader("A file", max_upload_size=20)
PYTHON
cat > "$place/upload.py" <<'PYTHON'
import socket
import subprocess
import sys
import time

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
options = {
    "server.port": port,
    "server.headless": "true",
    "server.maxUploadSize": 5,
    "server.enableXsrfProtection": "false",
    "server.enableCORS": "false",
    "browser.gatherUsageStats": "false",
}
words = [f"--{name}={value}" for name, value in options.items()]
server = subprocess.Popen([sys.executable, "-m", "streamlit", "run", sys.argv[1], *words], stdout=subprocess.DEVNULL)
try:
    address = f"127.0.0.1:{port}"
    for _ in range(300):
        try:
            if requests.get(f"http://{address}/_stcore/health", timeout=1).ok:
                break
        except requests.RequestException:
            time.sleep(0.1)
    with connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as stream:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        stream.send(ask.SerializeToString())
        session = offered = None
        while session is None or offered is None:
            news = ForwardMsg()
            news.ParseFromString(stream.recv(timeout=30))
            if news.WhichOneof("type") == "new_session":
                session = news.new_session.initialize.session_id
            elif news.HasField("delta") and news.delta.new_element.HasField("file_uploader"):
                offered = news.delta.new_element.file_uploader.max_upload_size_mb
        print(f"the widget offers {offered} MB, the option says {options['server.maxUploadSize']} MB")
        assert offered == 20
        for megabytes, expected in ((2, 204), (8, 413)):
            answer = requests.put(
                f"http://{address}/_stcore/upload_file/{session}/{megabytes}",
                files={"file": ("file.bin", bytes(megabytes * 2**20))},
                timeout=60,
            )
            print(f"{megabytes} MB: status {answer.status_code}")
            assert answer.status_code == expected
finally:
    server.terminate()
    server.wait()
PYTHON
"$place/environment/bin/python" "$place/upload.py" "$place/app.py"
