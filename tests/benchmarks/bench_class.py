"""A class opens the app: first visits to a cold server, and many sessions that each take a step now and then.

    python -m tests.benchmarks.bench_class [--visits 6] [--sessions 20] [--seconds 60]

Six first visits at once to a server that nobody has visited, beside one alone: what the server takes, as in a classroom
where each browser has a machine of its own (the same page six times, and six different pages beside the slowest of
them), and with six browsers on the server's own cores, which then take most of the time. Then sessions without a
browser, each of which moves the window of the RaPP page by one layer every five seconds. Prints seconds, and the
server's memory.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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
    """Seconds until each of so many pages stands that open a cold server at once, in browsers on its own cores."""
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

    async def run(self, *window: float, page: str = "rapp") -> float:
        """Runs a page, with the window moved to these layers if any, and gives the seconds until it is finished."""
        message = BackMsg()
        message.rerun_script.query_string = "rapp_run=rapp-ae-digits-multimodal-3" if page == "rapp" else ""
        message.rerun_script.page_name = page
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


@asynccontextmanager
async def session(address: str) -> AsyncIterator[Session]:
    """A new session of the server at the address."""
    url = address.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(url, subprotocols=["streamlit"], max_size=None, origin=address) as socket:
        yield Session(socket)


def served(folder: Path, pages: Sequence[str]) -> list[float]:
    """Seconds until a cold server has run each of these pages, all asked for at once."""

    async def visit(address: str, page: str) -> float:
        async with session(address) as one:
            return await one.run(page=page)

    async def visits(address: str) -> list[float]:
        return await asyncio.gather(*(visit(address, page) for page in pages))

    with driver.server(folder / "store", folder / "server.log") as address:
        return asyncio.run(visits(address))


async def lesson(address: str, sessions: int, seconds: float) -> list[float]:
    """Seconds of every step of so many sessions."""
    took = []

    async def pupil(place: int) -> None:
        async with session(address) as one:
            await one.run()
            assert one.slider, "The page has no window to move."
            await asyncio.sleep(EVERY * place / sessions)
            for step in range(int(seconds / EVERY)):
                took.append(await one.run(1 + step % 2, 5))
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
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        different = PAGES[: asked.visits]

        def last(visits: Callable[[], list[float]]) -> float:
            return statistics.median(max(visits()) for _ in range(3))

        def tell(what: str, alone: float, of_many: float) -> None:
            print(
                f"{what}: alone {alone:.2f} s, the last of {asked.visits} {of_many:.2f} s: {of_many / alone:.2f}",
                flush=True,
            )

        home = [last(lambda count=count: served(folder, [""] * count)) for count in (1, asked.visits)]
        tell("first visits to Home, the server's part", *home)
        slowest = max(last(lambda page=page: served(folder, [page])) for page in different)
        tell("to different pages, beside the slowest of them", slowest, last(lambda: served(folder, different)))
        with driver.browser() as browser:
            drawn = [last(lambda count=count: first_visits(browser, folder, count)) for count in (1, asked.visits)]
        tell("in browsers on the server's cores", *drawn)
        with driver.server(folder / "store", folder / "server.log") as address:
            took = asyncio.run(lesson(address, asked.sessions, asked.seconds))
            server = next(each for each in psutil.Process().children(True) if "streamlit" in each.cmdline())
            memory = server.memory_info().rss / 2**20
    slow = statistics.quantiles(took, n=20)[-1]
    print(f"{len(took)} steps of {asked.sessions} sessions: median {statistics.median(took):.2f} s, 95 % {slow:.2f} s")
    print(f"the server holds {memory:.0f} MB")


if __name__ == "__main__":
    main()
