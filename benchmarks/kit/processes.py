"""Processes that are started, pinned, timed and watched."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.report import ROOT

PYTHON = sys.executable
MASKWATCH = str(Path(sys.executable).with_name("maskwatch"))
CLIP = ROOT.parent / "shared" / "clips" / "four-people-putting-masks-on.mp4"
_SAMPLE_S = 0.05
_TRIES, _QUIET_S, _OTHERS = 5, 0.5, 0.05
_CORES, _TICKS = os.cpu_count() or 1, os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """A process that has ended: seconds on the clock from start to end, and what it printed."""

    seconds: float
    stdout: str

    @property
    def summary(self) -> dict[str, Any]:
        """The last line that it printed, read as JSON."""
        summary: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return summary


def run(command: Sequence[str | Path], *, cpu: int | None = None) -> Run:
    """Run a command to its end; with `cpu` on that core alone.

    The clock is of use only on a machine that does nothing else. So each run waits for quiet, and
    is done again where other processes took more than 5% of the machine meanwhile.

    Raises:
        SystemExit: the command failed; what it said is shown.
    """
    for _ in range(_TRIES):
        _wait_for_quiet()
        busy, own, begun = _busy_s(), _children_s(), time.perf_counter()
        stdout = _output(command, cpu)
        seconds = time.perf_counter() - begun
        others_s = (_busy_s() - busy) - (_children_s() - own)
        if others_s <= max(_OTHERS * seconds * _CORES, 2 / _TICKS):
            return Run(seconds, stdout)
        print(f"others took {others_s:.1f} s of the cores: once more", file=sys.stderr)
    print("never quiet: the last run is kept all the same", file=sys.stderr)
    return Run(seconds, stdout)


def _output(command: Sequence[str | Path], cpu: int | None) -> str:
    pin = None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})
    done = subprocess.run(  # The benchmark has no threads of its own, so preexec_fn is safe.
        [str(word) for word in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=pin,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _wait_for_quiet(most_s: float = 600) -> None:
    """Wait until all others together take less than 5% of the machine, or time is up."""
    end = time.perf_counter() + most_s
    while time.perf_counter() < end:
        busy, begun = _busy_s(), time.perf_counter()
        time.sleep(_QUIET_S)
        if _busy_s() - busy <= _OTHERS * (time.perf_counter() - begun) * _CORES:
            return


def _busy_s() -> float:
    """Seconds that all cores have worked since the machine started."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, soft_irq, steal = (int(word) for word in words[:8])
    return (user + nice + system + irq + soft_irq + steal) / _TICKS


def _children_s() -> float:
    """Processor seconds of all processes that were started here and have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system + spent.user + spent.system


def detect(source: Path, folder: Path, *options: str) -> list[str]:
    """The command line of our main job, with every output but crops in `folder`."""
    outputs = ["--out", folder / "out", "--records", folder / "r.jsonl", "--csv", folder / "f.csv"]
    words = [MASKWATCH, "detect", source, *outputs, *options, "--overwrite", "--json", "--quiet"]
    return [str(word) for word in words]


@dataclass(frozen=True, slots=True)
class Peak:
    """What a watched process tree took at most, in MiB, and the summary that it printed, if any."""

    tree_mib: float
    seconds: float
    summary: dict[str, Any]


def watch(command: Sequence[str], out: Path) -> Peak:
    """Run a command and sample the resident memory of it and all its descendants.

    The sum over the tree is sampled every 50 ms; of each process the kernel's own high-water mark
    is read too, so that a peak between two samples is not lost where there is one process.

    Raises:
        SystemExit: the command failed.
    """
    begun = time.perf_counter()
    most_kib = 0
    with out.open("w+") as text:
        process = subprocess.Popen(command, cwd=ROOT, stdout=text)
        while process.poll() is None:
            memory = [_memory_kib(pid) for pid in _tree(process.pid)]
            most_kib = max(most_kib, sum(rss for rss, _ in memory), *(hwm for _, hwm in memory))
            time.sleep(_SAMPLE_S)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
        text.seek(0)
        done = Run(time.perf_counter() - begun, text.read())
    return Peak(most_kib / 1024, done.seconds, done.summary if done.stdout.strip() else {})


def _tree(root: int) -> list[int]:
    """A process and its descendants."""
    pids = [root]
    for pid in pids:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # It has ended meanwhile.
    return pids


def _memory_kib(pid: int) -> tuple[int, int]:
    """Resident memory of a process now, and its high-water mark."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return tuple(int(fields.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]
