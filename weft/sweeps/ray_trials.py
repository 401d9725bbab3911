"""Trials that are tasks of a Ray cluster: the agent claims and holds them here, a node of the cluster runs them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from weft import session
from weft import settings as settings_module
from weft.errors import InputError, MissingExtraError, WeftError
from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.settings import Settings
from weft.sweeps.holding import Held
from weft.sweeps.inside import FunctionTrials
from weft.sweeps.leaving import Leaving
from weft.sweeps.outcome import Executor, Outcome
from weft.sweeps.outside import CommandTrials
from weft.sweeps.peers import Peers
from weft.sweeps.reach import out_of_reach, tied_to
from weft.sweeps.spec import SweepSpec, parse_spec

_LOOK_S = 2.0
_GRACE_S = 5.0  # from asking a task to end to making it
_PREFIXES = ("WEFT_", "WANDB_")
_TRIAL = "WEFT_TRIAL"
# What says that a task did not come to its end for reasons that are not its own.
_LOST = (
    "NodeDiedError",
    "WorkerCrashedError",
    "LocalRayletDiedError",
    "OutOfMemoryError",
    "ObjectLostError",
    "TaskCancelledError",
)


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A Ray cluster that runs trials, each as a task.

    ``address`` is Ray's: ``auto``, ``host:port``, ``ray://host:10001``; None is the cluster of this process, of
    ``RAY_ADDRESS`` or of this machine, and where there is none, one of this machine alone. Each trial has
    ``cpus_per_trial`` cores and ``gpus_per_trial`` GPUs, which may be a part of one; None is one where the cluster has
    any.
    """

    address: str | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float | None = None

    def __post_init__(self) -> None:
        for name, number in (("cpus_per_trial", self.cpus_per_trial), ("gpus_per_trial", self.gpus_per_trial)):
            if number is not None and not 0 <= number < float("inf"):
                raise InputError(f"{name} is {number!r}.", remedy="Give a number, 0 or more.", field=name)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a node is told to do its trials with; it travels by pickle, and Ray shows it nowhere.

    ``only_on`` is the host where the store lies, of a store that no other reaches.
    """

    function: Callable[[], object] | None
    lease_s: float
    folder: str = field(default_factory=os.getcwd)
    environ: Mapping[str, str] = field(default_factory=lambda: _told(os.environ), repr=False)
    only_on: str | None = None

    def perform(self, sweep: Sweep, trial: Trial) -> Outcome:
        """Run a trial, on the node where this is called; what a user can mend fails it."""
        try:
            if self.only_on not in (None, socket.gethostname()):
                raise out_of_reach(f"a store that only {self.only_on} has", [socket.gethostname()])
            self._enter(sweep.config.get("program"))
            settings = settings_module.load()
            with closing(session.open_store(settings)) as store:
                spec = parse_spec(sweep.config)
                executor: Executor
                if self.function is None:
                    executor = CommandTrials(store, lambda: session.catch_up(settings, store))
                else:
                    executor = FunctionTrials(self.function)
                held = Held(store, trial, self.lease_s, host=socket.gethostname())
                held.renew()
                held.start()
                try:
                    peers = Peers(store, sweep.sweep_id, spec.objectives[0].name if spec.objectives else None)
                    return executor.run(sweep, spec, held, peers)
                finally:
                    held.stop()
        except WeftError as error:
            return Outcome(TrialStatus.FAILED, None, f"on {socket.gethostname()}: {error}")
        finally:
            session.flush(30.0)  # the node may be gone later, and with it what waits there

    def _enter(self, program: object) -> None:
        """Be in the folder of the agent, with its settings."""
        for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
            del os.environ[name]
        os.environ.update(self.environ)
        if os.path.isdir(self.folder):
            os.chdir(self.folder)
        elif self.function is None and not os.path.exists(str(program)):
            raise WeftError(
                f"There is no folder {self.folder}.",
                remedy="Share it among the nodes, or send it: ray job submit --working-dir . -- weft agent ...",
                field="program",
            )


class RayTrials:
    """Runs each trial as a task of the cluster that :func:`connect` found."""

    def __init__(self, ray: Any, cluster: RayCluster, errand: Errand, leaving: Leaving) -> None:
        self._ray, self._leaving = ray, leaving
        # What was lost is begun again by the sweep's own rule, under a run of its own, not by Ray.
        self._task = ray.remote(Errand.perform).options(
            name="weft trial",
            num_cpus=cluster.cpus_per_trial,
            num_gpus=cluster.gpus_per_trial or 0,
            max_retries=0,
            scheduling_strategy="SPREAD",
        )
        self._errand = ray.put(errand)

    def run(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers) -> Outcome:
        """Have the cluster run the trial; CRASHED where its node was lost or the agents leave."""
        task = self._task.remote(self._errand, sweep, held.trial)
        ended = task.future()
        while not held.wait(_LOOK_S, lambda: ended.done() or self._leaving.at_once or held.reason is not None):
            pass
        if not ended.done():
            # One that is canceled hears of it by itself, from the store.
            self._end(task, ended, held, asks=self._leaving.at_once)
        try:
            outcome: Outcome = ended.result()
        except self._ray.exceptions.RayError as error:
            return Outcome(TrialStatus.CRASHED) if self._leaving.at_once else _failed(error)
        return outcome

    def _end(self, task: Any, ended: Any, held: Held, *, asks: bool) -> None:
        if asks:
            self._ray.cancel(task)
        held.wait(_GRACE_S if asks else 3 * _GRACE_S, ended.done)
        if not ended.done():
            self._ray.cancel(task, force=True)


class Connected:
    """The module ``ray``, connected; ``close`` disconnects it where it was not connected before."""

    def __init__(self, ray: Any, ours: bool) -> None:
        self.ray, self._ours = ray, ours

    def close(self) -> None:
        """Let go of the cluster; tasks that are left end."""
        if self._ours:
            self.ray.shutdown()


def connect(cluster: RayCluster) -> Connected:
    """Connect to a cluster. Raises MissingExtraError, InputError where there is no such cluster."""
    try:
        import ray  # noqa: PLC0415 - a heavy optional package
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(address=cluster.address, logging_level="WARNING")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"There is no Ray cluster at {cluster.address or 'this machine'}: {str(error).splitlines()[0]}",
                remedy="Start one with `ray start --head`, or name its address.",
                field="address",
            ) from error
    return Connected(ray, ours)


def planned(ray: Any, cluster: RayCluster, parallel: int) -> tuple[RayCluster, int]:
    """The cluster with what a trial has of it, and how many run at once: ``parallel``, or as many as it has room for.

    Raises InputError where no node has enough for one trial.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = cluster.gpus_per_trial
    if gpus is None:
        gpus = 1.0 if any(node.get("GPU") for node in nodes) else 0.0
    found = RayCluster(cluster.address, cluster.cpus_per_trial, gpus)
    room = room_of(ray, found)
    if not room:
        have = "; ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes) or "none"
        raise InputError(
            f"No node of the Ray cluster has {found.cpus_per_trial:g} CPUs and {gpus:g} GPUs for a trial; they have: "
            f"{have}.",
            remedy="Give smaller --cpus-per-trial and --gpus-per-trial, or add such a node first.",
            field="cpus_per_trial",
        )
    return found, parallel or room


def room_of(ray: Any, cluster: RayCluster) -> int:
    """How many trials the cluster has room for at once."""
    return sum(_room(node["Resources"], cluster) for node in ray.nodes() if node["Alive"])


def _room(node: Mapping[str, float], cluster: RayCluster) -> int:
    """How many trials a node runs at once."""
    wanted = {"CPU": cluster.cpus_per_trial, "GPU": cluster.gpus_per_trial or 0.0}
    rooms = [int(node.get(name, 0.0) / share + 1e-9) for name, share in wanted.items() if share]
    return min(rooms, default=int(node.get("CPU", 0.0)))


def check_reach(ray: Any, settings: Settings) -> str | None:
    """The host to which trials are tied by the store, if they are. Raises InputError where nodes are elsewhere."""
    store = tied_to(settings)
    if store is None:
        return None
    here = socket.gethostname()
    elsewhere = sorted({node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]} - {here})
    if elsewhere:
        raise out_of_reach(store, elsewhere)
    return here


def _told(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that trials on another node need."""
    return {name: value for name, value in environ.items() if name.startswith(_PREFIXES) and name != _TRIAL}


def _failed(error: Exception) -> Outcome:
    cause = getattr(error, "cause", None) or error
    if type(error).__name__ in _LOST or type(cause).__name__ in _LOST:
        return Outcome(TrialStatus.CRASHED)
    return Outcome(TrialStatus.FAILED, None, f"{type(cause).__name__}: {str(cause).strip().splitlines()[0][:300]}")
