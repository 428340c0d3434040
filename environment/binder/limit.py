"""Runs a command within a limit on the memory of its whole process tree, and says what the tree took at most.

Where this user may make a control group, the kernel holds the limit, as it does a container's: without swap, page cache
included. Elsewhere the tree is killed once the proportional shares (PSS) of its processes exceed the limit."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SECONDS_BETWEEN_SAMPLES = 0.5


class ControlGroup:
    """A control group of version 1 or 2 with a limit on memory and swap together."""

    @staticmethod
    def make(limit):
        """Returns a group below the one that this process is in (version 2: below the root), or None."""
        own = next((line.split(":", 2)[2].strip() for line in open("/proc/self/cgroup", encoding="ascii")
                    if line.split(":")[1] == "memory"), "").lstrip("/")
        for parent, limits, events in (
                (Path("/sys/fs/cgroup/memory", own), ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
                 "memory.oom_control"),
                (Path("/sys/fs/cgroup"), ("memory.max", "memory.swap.max"), "memory.events")):
            try:
                group = Path(tempfile.mkdtemp(prefix="gerbil-", dir=parent))
            except OSError:
                continue
            try:
                (group / limits[0]).write_text(str(limit), encoding="ascii")
                if (group / limits[1]).exists():  # absent where the kernel does not count swap
                    (group / limits[1]).write_text("0" if limits[1] == "memory.swap.max" else str(limit),
                                                   encoding="ascii")
                return ControlGroup(group, group / events)
            except OSError:
                group.rmdir()
        return None

    def __init__(self, folder, events):
        self.folder, self.events = folder, events

    def join(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def killed(self):
        """How many processes the kernel has killed because memory was at its limit."""
        return sum(int(line.split()[1]) for line in self.events.read_text(encoding="ascii").splitlines()
                   if line.startswith("oom_kill "))

    def remove(self):
        while pids := (self.folder / "cgroup.procs").read_text(encoding="ascii").split():
            kill([psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))])
            time.sleep(SECONDS_BETWEEN_SAMPLES)
        self.folder.rmdir()


def tree(process):
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(processes):
    for process in reversed(processes):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass


class Share:
    """What of the memory is one process's, in bytes: pages that several use count in part for each (PSS)."""

    def __init__(self, process):
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines}
        self.bytes, self.files = sizes["Pss"], sizes["Pss_File"]
        self.name = " ".join(process.cmdline())[-60:]


def total(shares):
    return sum(share.bytes for share in shares)


def memory(processes):
    shares = []
    for process in processes:
        try:
            shares.append(Share(process))
        except (OSError, KeyError, psutil.Error):  # it has ended
            pass
    return sorted(shares, key=lambda share: -share.bytes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--mebibytes", type=int, required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    limit = arguments.mebibytes << 20

    group = ControlGroup.make(limit)
    print(f"limit: {arguments.mebibytes} MiB,", "a control group's" if group else "by sampling PSS", flush=True)
    child = subprocess.Popen(arguments.command, preexec_fn=group.join if group else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    peak, killed = [], False
    try:
        while child.poll() is None:
            processes = tree(psutil.Process(child.pid))
            shares = memory(processes)
            peak = max(peak, shares, key=total)
            if not group and total(shares) > limit:
                killed = True
                kill(processes)
            time.sleep(SECONDS_BETWEEN_SAMPLES)
    finally:
        kill(tree(psutil.Process(child.pid)) if child.poll() is None else [])
        if group:
            killed = group.killed() > 0
            group.remove()
    files = sum(share.files for share in peak)
    print(f"peak: {total(peak) >> 20} MiB (PSS), {files >> 20} of them pages of files, which can be dropped:")
    for share in peak:
        print(f"  {share.bytes >> 20:>5} MiB  {share.name}")
    if killed:
        print(f"the limit of {arguments.mebibytes} MiB was exceeded: processes were killed")
    return 1 if killed else child.returncode


if __name__ == "__main__":
    sys.exit(main())
