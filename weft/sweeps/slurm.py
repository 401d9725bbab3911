"""A batch script for SLURM: a job array whose tasks are agents of a sweep."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from weft.errors import InputError

_GRACE_S = 90  # from the signal to the end of an agent: its program has 15 s, the store must hear of it
_TIME = re.compile(r"\d+(:\d{1,2}){0,2}|\d+-\d{1,2}(:\d{1,2}){0,2}")
_WORD = re.compile(r"[A-Za-z0-9_.:,+/=@%^\[\]()|&*-]+")


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """What each of ``tasks`` agents asks of the cluster, and how many run at once (``at_once``, None for all).

    ``count`` limits the trials of each agent and ``parallel`` how many it runs at once (0: one a GPU or core).
    ``time`` is SLURM's (``12:00:00``, ``1-0``), ``more`` are further options of sbatch. ``setup`` are lines of shell
    before the agent that put ``weft`` in the path, such as ``module load``; without any it is this very Python's.
    ``folder`` is where it works, ``url`` a Weft server for it.
    """

    tasks: int = 4
    at_once: int | None = None
    count: int | None = None
    parallel: int = 0
    cpus: int = 4
    gpus: str | None = None
    memory: str | None = None
    time: str = "24:00:00"
    partition: str | None = None
    account: str | None = None
    more: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    folder: Path | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        for name, number, least in (
            ("tasks", self.tasks, 1),
            ("at_once", self.at_once, 1),
            ("count", self.count, 1),
            ("parallel", self.parallel, 0),
            ("cpus", self.cpus, 1),
        ):
            if number is not None and number < least:
                raise InputError(f"{name} is {number}; the least is {least}.", field=name)
        if not _TIME.fullmatch(self.time):
            raise InputError(
                f"time is {self.time!r}.",
                remedy="Write it as SLURM does: 12:00:00, or 1-12 for 36 hours.",
                field="time",
            )
        for name, word in (
            ("gpus", self.gpus),
            ("memory", self.memory),
            ("partition", self.partition),
            ("account", self.account),
            *(("sbatch", word) for word in self.more),
        ):
            # sbatch reads a line of comment by rules of its own: what needs quotes there is refused.
            if word is not None and not _WORD.fullmatch(word):
                raise InputError(
                    f"{name} is {word!r}, which cannot stand in an #SBATCH line.",
                    remedy="Use letters, digits and punctuation, without spaces or quotes.",
                    field=name,
                )


def script(sweep_id: str, name: str, options: SlurmOptions) -> str:
    """The script for ``sbatch``. Secrets are none of it: ``WEFT_API_KEY`` and the like come from the environment of
    whoever submits it, which sbatch passes on."""
    array = f"0-{options.tasks - 1}" + (f"%{options.at_once}" if options.at_once else "")
    asked = {
        "job-name": "weft-" + (re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or sweep_id),
        "array": array,
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(options.cpus),
        "gres": None if options.gpus is None else f"gpu:{options.gpus}",
        "mem": options.memory,
        "time": options.time,
        "partition": options.partition,
        "account": options.account,
        "signal": f"B:USR1@{_GRACE_S}",
        "output": "weft-%A_%a.out",
    }
    lines = [f"#SBATCH --{key}={value}" for key, value in asked.items() if value is not None]
    lines += ["#SBATCH --requeue", "#SBATCH --open-mode=append", *(f"#SBATCH {word}" for word in options.more)]
    weft = ["weft"] if options.setup else [sys.executable, "-m", "weft.cli"]
    agent = [*weft, "agent", sweep_id, "--parallel", str(options.parallel)]
    agent += [] if options.count is None else ["--count", str(options.count)]
    enter = [] if options.folder is None else [f"cd {shlex.quote(str(options.folder))}"]
    server = [] if options.url is None else [f"export WEFT_URL={shlex.quote(options.url)}"]
    return _SCRIPT.format(
        head="\n".join(lines),
        before="\n".join([*enter, *server, *options.setup]),
        agent=shlex.join(agent),
        name=_comment(name),
        sweep=_comment(sweep_id),
    )


def _comment(text: str) -> str:
    """Text that stays within its line of comment."""
    return " ".join(re.sub(r"[^\x20-\x7e]+", " ", text).split())[:80]


_SCRIPT = """\
#!/bin/bash
# Agents of the sweep {name} ({sweep}): a task of the array each, which takes trials until the sweep has ended.
# Submit it with: sbatch FILE. Submitted again, or requeued, it goes on where the sweep is.
{head}

set -e
{before}

# An agent that hears SIGTERM gives its trials back: before the time runs out (USR1), and when the job is preempted or
# canceled (TERM). SLURM itself begins a preempted job again, and never one that was canceled.
agent= again= code=0
leave() {{ if [ -n "$agent" ]; then kill -TERM "$agent" 2>/dev/null || true; fi; }}
trap leave TERM INT
trap 'again=1; leave' USR1
{agent} &
agent=$!
wait "$agent" || code=$?
while kill -0 "$agent" 2>/dev/null; do  # a signal ends wait before the agent has ended
  code=0
  wait "$agent" || code=$?
done
if [ -n "$again" ]; then  # the sweep goes on, in another stretch of time
  scontrol requeue "${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}" || true
fi
exit "$code"
"""
