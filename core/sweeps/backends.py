"""Where a sweep's runs are trained: in warm loky workers on this machine, or on a Dask cluster; both behind joblib."""

import contextlib
import importlib.util
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import RunFailed, WrongRequest
from core.runs.process import machine
from core.runs.spec import RunSpec
from core.sweeps.training import end_with, train_run

BACKENDS = ("loky", "dask")
CONNECT_SECONDS = 5
LOOK_SECONDS = 0.5
LOST_SECONDS = 10.0  # that a scheduler may be away
LOST = "The Dask cluster stopped answering. What is finished is kept; start the sweep again to go on."


class WorkerDied(Exception):
    """A worker's process ended in the middle of a run."""


def default_jobs() -> int:
    """As many as may train at once here: NOVELTY_SLOTS, else one for each GPU, else one for each core."""
    return int(os.environ.get("NOVELTY_SLOTS") or len(machine.gpus()) or machine.cores())


def environment(jobs: int) -> dict[str, str]:
    """What workers need to know: where runs and image sets lie, and that so many may train at once."""
    named = {name: os.environ[name] for name in ("NOVELTY_DATA", "NOVELTY_CHECKPOINTS") if os.environ.get(name)}
    return named | {"NOVELTY_SLOTS": str(max(jobs, int(os.environ.get("NOVELTY_SLOTS") or 1)))}


@dataclass
class Pool:
    """joblib's workers: each run is a task of its own, given out as a worker becomes free.

    folder: the sweep's.  options: of joblib's parallel_config.  slot: whether runs take slots of this machine.
    answering: whether who gives out the runs is still there.  kill: ends the workers, whatever they do.
    """

    folder: str
    jobs: int
    options: Mapping[str, Any]
    slot: bool = True
    answering: Callable[[], bool] = lambda: True
    kill: Callable[[], None] = lambda: None

    def train(
        self, specs: Sequence[RunSpec], alone: bool = False, stop: Callable[[], bool] = lambda: False
    ) -> Iterator[dict[str, Any]]:
        """What each run came to, as they end.

        alone: one at a time.  stop: asked twice a second; the workers are ended where it says so.
        Raises WorkerDied, and RunFailed where the cluster is gone.
        """
        results: queue.Queue[Any] = queue.Queue()
        # In a thread of its own: who waits for joblib can't look whether the cluster still answers.
        threading.Thread(target=self._produce, args=(specs, alone, results), daemon=True).start()
        silent: float | None = None
        while True:
            try:
                told = results.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                silent = None if self.answering() else silent or time.monotonic()
                if silent and time.monotonic() - silent > LOST_SECONDS:
                    raise RunFailed(LOST) from None
                if stop():
                    self.kill()
                    return
                continue
            if told is None:
                return
            if isinstance(told, BaseException):
                if not self.answering():
                    raise RunFailed(LOST) from told
                raise WorkerDied(f"{type(told).__name__}: {told}".splitlines()[0]) from told
            yield told

    def _produce(self, specs: Sequence[RunSpec], alone: bool, results: "queue.Queue[Any]") -> None:
        from joblib import Parallel, delayed, parallel_config

        told = environment(self.jobs)
        calls = [delayed(train_run)(spec.to_json(), self.folder, told, self.slot) for spec in specs]
        # Two, where one is asked for: joblib would train a single one here, and its death would be the sweep's.
        at_once = max(self.jobs, 2)
        ahead = 1 if alone or self.jobs == 1 else 2 * at_once
        try:
            with parallel_config(**self.options):
                run = Parallel(n_jobs=at_once, batch_size=1, pre_dispatch=ahead, return_as="generator_unordered")
                for each in run(calls):
                    results.put(each)
            results.put(None)
        except BaseException as error:  # it is raised where the results are taken
            results.put(error)


@contextlib.contextmanager
def workers(folder: str, backend: str = "loky", jobs: int | None = None, cluster: str = "") -> Iterator[Pool]:
    """The workers of a sweep.

    folder: the sweep's.  jobs: how many train at once, by default what the machine, or the cluster, has room for.
    cluster: the address of a Dask scheduler.
    Raises WrongRequest for an unknown backend, a missing package, an address that nobody answers.
    """
    if backend not in BACKENDS:
        raise WrongRequest(f"There is no backend {backend!r}. Choose from {', '.join(BACKENDS)}.")
    if cluster and backend != "dask":
        raise WrongRequest("A cluster's address is for Dask. Add --backend dask.")
    if jobs is not None and jobs < 1:
        raise WrongRequest(f"{jobs} runs can't train at once. Choose at least 1.")
    if importlib.util.find_spec("joblib") is None:
        raise WrongRequest(
            "Sweeps need the package joblib, which is missing here. Install it with `pip install joblib`."
        )
    count = jobs or default_jobs()
    with _dask(folder, count, cluster) if backend == "dask" else _loky(folder, count) as pool:
        yield pool


@contextlib.contextmanager
def _loky(folder: str, jobs: int) -> Iterator[Pool]:
    from joblib.externals.loky import get_reusable_executor

    threads = max(1, machine.cores() // jobs)
    options = {"backend": "loky", "inner_max_num_threads": threads, "initializer": end_with, "initargs": (os.getpid(),)}

    def kill() -> None:
        # "reuse", or it would wait for the workers that there are, and start others
        get_reusable_executor(reuse=True).shutdown(wait=False, kill_workers=True)

    yield Pool(folder, jobs, options, kill=kill)
    kill()  # they have nothing left to do, and would take their libraries apart for half a second


@contextlib.contextmanager
def _dask(folder: str, jobs: int, address: str) -> Iterator[Pool]:
    """The cluster at the address, or one of processes on this machine that ends with the sweep."""
    if importlib.util.find_spec("distributed") is None:
        raise WrongRequest("Dask needs the package distributed. Install it with `pip install distributed`.")
    import dask
    from distributed import Client, LocalCluster

    quiet = {"distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s", "logging.distributed": "critical"}
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(quiet))
        place: Any = address
        if not address:
            options: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
            place = stack.enter_context(LocalCluster(n_workers=jobs, **options))
        try:
            client = stack.enter_context(Client(place, timeout=CONNECT_SECONDS, set_as_default=True))
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise WrongRequest(
                f"No Dask scheduler answers at {address} ({type(error).__name__}). Check the address, which looks "
                "like tcp://host:8786, and that `dask scheduler` runs there."
            ) from None
        there = sum(client.nthreads().values())
        if not there:
            raise WrongRequest(
                f"The Dask cluster at {address} has no workers. Start some with `dask worker {address}`."
            )
        _require_the_project(client)
        scheduler = client.scheduler_info().get("id")  # another one under the same address knows nothing of the runs
        options = {"backend": "dask", "wait_for_workers_timeout": CONNECT_SECONDS, "pure": False}
        yield Pool(
            folder,
            there if address else jobs,
            options,
            slot=not address,
            answering=lambda: client.status == "running" and client.scheduler_info().get("id") == scheduler,
            kill=lambda: client.restart(wait_for_workers=False),
        )


def _require_the_project(client: Any) -> None:
    """Raise WrongRequest where scheduler or workers can't import the project; joblib would wait for them for ever."""
    try:
        client.submit(default_jobs, pure=False).result(timeout=6 * CONNECT_SECONDS)
    except Exception as error:
        raise WrongRequest(
            f"The Dask cluster can't import the project ({type(error).__name__}). Start its scheduler and its workers "
            "with the project's folder in PYTHONPATH, where its packages are installed."
        ) from None
