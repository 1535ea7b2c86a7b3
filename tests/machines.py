"""Run the code's tests and three lessons on this machine as if on others: ``make test-machines``, or
``python tests/machines.py NAME …`` for some of them.

A result must not hang on the precision, the threads, the instructions of the processor or how busy it is. Left out are
the tests of the house, the notebooks' text and the learners' machines: they are about files, not about numbers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 1
MACHINES = {
    "bfloat16": {"MTL_PRECISION": "bfloat16"},
    "float32": {"MTL_PRECISION": "float32"},
    "one-thread": {"MTL_THREADS": "1"},
    "two-threads": {"MTL_THREADS": "2"},
    "default": {"ATEN_CPU_CAPABILITY": "default"},  # PyTorch without the instructions of newer processors
    "busy": {},  # beside a process for each core that never rests
}
ABOUT_FILES = ["test_house.py", "test_learners_machine.py", "test_notebooks.py"]
LESSONS = ["00_start_here", "02_hard_sharing", "03_borrowed_pupils"]
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--dist", "loadfile"]
TESTS = ["-m", "not browser", *(f"--ignore=tests/{name}" for name in ABOUT_FILES), "tests"]
NOTEBOOKS = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/notebook_sanitize.cfg"]
NOTEBOOKS += ["--nbval-cell-timeout", "600", *(f"notebooks/{name}.ipynb" for name in LESSONS)]
# It ends with whoever started it, also where that one is killed and cannot end it.
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"


@contextmanager
def busy(processes: int) -> Iterator[list[subprocess.Popen]]:
    """So many processes compute for nothing meanwhile."""
    started = []
    try:
        for _ in range(processes):
            started.append(subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())], stderr=subprocess.DEVNULL))
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def commands(name: str) -> tuple[dict[str, str], list[list[str]]]:
    """The environment of a machine, beside what this one has, and what is run there."""
    environment = {"MTL_PREDICTIONS": "off", "MTL_THREADS": "1"} | MACHINES[name]
    threads = environment["OMP_NUM_THREADS"] = environment["MTL_THREADS"]
    workers = ["-n", str(max(1, min(2, CORES // int(threads))))]  # no more threads than cores: they wait for each other
    return environment, [[*PYTEST, *workers, *what] for what in (TESTS, NOTEBOOKS)]


def passes(name: str) -> bool:
    """Whether everything passes on the machine of this name; what fails keeps nothing else from running."""
    environment, run = commands(name)
    print(f"The machine {name}: {' '.join(f'{k}={v}' for k, v in environment.items())}", flush=True)
    start = time.monotonic()
    with busy(CORES if name == "busy" else 0):
        codes = [subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode for command in run]
    print(f"The machine {name} took {time.monotonic() - start:.0f} s", flush=True)
    return not any(codes)


def main(names: list[str]) -> int:
    """Run the machines of these names, all where none is named; returns the exit status."""
    if unknown := [name for name in names if name not in MACHINES]:
        print(f"There is no machine {', '.join(unknown)}; there are {', '.join(MACHINES)}", file=sys.stderr)
        return 2
    try:
        failed = [name for name in names or MACHINES if not passes(name)]
    except KeyboardInterrupt:
        print("Stopped", file=sys.stderr)
        return 130
    if failed:
        print(f"These machines failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    print("Everything passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
