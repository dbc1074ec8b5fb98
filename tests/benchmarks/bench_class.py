"""A class opens the app: first visits to a cold server, and many sessions that each take a step now and then.

    python -m tests.benchmarks.bench_class [--visits 6] [--sessions 20] [--seconds 60]

Six browser pages at once on a server that nobody has visited, beside one alone; then sessions without a browser, each
of which moves the window of the RaPP page by one layer every five seconds. Prints seconds, and the server's memory.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser import driver

PAGES = ("rapp", "", "score", "compare", "svdd", "vae", "clad", "baselines", "train", "runs")
EVERY = 5.0  # seconds between two steps of a session
LABEL = "Layers of the window"


def first_visits(browser: driver.Browser, folder: Path, count: int) -> list[float]:
    """Seconds until each of so many pages stands that open a cold server at once."""
    with driver.server(folder / "store", folder / "server.log") as address:
        pages = [driver.new_page(browser) for _ in range(count)]
        began = time.monotonic()
        for page, name in zip(pages, PAGES, strict=False):
            page.goto(f"{address}/{name}", wait_until="commit")
        stood = []
        for page in pages:
            driver.settle(page)
            stood.append(time.monotonic() - began)
            assert "Something went wrong" not in page.locator("body").inner_text()
            page.context.close()
    return stood


class Session:
    """One session of the app, as its browser page would speak to the server."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket, self.slider = socket, ""

    async def run(self, *window: float) -> float:
        """Runs the page, with the window moved to these layers if any, and gives the seconds until it is finished."""
        message = BackMsg()
        message.rerun_script.query_string = "rapp_run=rapp-ae-digits-multimodal-3"
        message.rerun_script.page_name = "rapp"
        if window:
            moved = message.rerun_script.widget_states.widgets.add(id=self.slider)
            moved.double_array_value.data.extend(window)
        began = time.monotonic()
        await self.socket.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(await self.socket.recv())
            if told.WhichOneof("type") == "script_finished":
                return time.monotonic() - began
            slider = told.delta.new_element.slider
            if slider.label == LABEL:
                self.slider = slider.id


async def lesson(address: str, sessions: int, seconds: float) -> list[float]:
    """Seconds of every step of so many sessions."""
    took = []

    async def pupil(place: int) -> None:
        url = address.replace("http", "ws") + "/_stcore/stream"
        async with websockets.connect(url, subprotocols=["streamlit"], max_size=None, origin=address) as socket:
            session = Session(socket)
            await session.run()
            assert session.slider, "The page has no window to move."
            await asyncio.sleep(EVERY * place / sessions)
            for step in range(int(seconds / EVERY)):
                took.append(await session.run(1 + step % 2, 5))
                await asyncio.sleep(max(0.0, EVERY - took[-1]))

    await asyncio.gather(*(pupil(place) for place in range(sessions)))
    return took


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--visits", type=int, default=6)
    words.add_argument("--sessions", type=int, default=20)
    words.add_argument("--seconds", type=float, default=60)
    asked = words.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before it starts", flush=True)
    with tempfile.TemporaryDirectory() as scratch, driver.browser() as browser:
        folder = Path(scratch)
        alone = statistics.median(first_visits(browser, folder, 1)[0] for _ in range(3))
        last = statistics.median(max(first_visits(browser, folder, asked.visits)) for _ in range(3))
        print(
            f"a first visit alone {alone:.1f} s, the last of {asked.visits} {last:.1f} s: {last / alone:.2f}",
            flush=True,
        )
        with driver.server(folder / "store", folder / "server.log") as address:
            took = asyncio.run(lesson(address, asked.sessions, asked.seconds))
            server = next(each for each in psutil.Process().children(True) if "streamlit" in each.cmdline())
            memory = server.memory_info().rss / 2**20
    slow = statistics.quantiles(took, n=20)[-1]
    print(f"{len(took)} steps of {asked.sessions} sessions: median {statistics.median(took):.2f} s, 95 % {slow:.2f} s")
    print(f"the server holds {memory:.0f} MB")


if __name__ == "__main__":
    main()
