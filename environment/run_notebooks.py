"""Executes notebooks from top to bottom on the Java kernel, one line of progress each, and checks what came out.

In place, that is for good: each figure also gets a picture, the notebook notes which code its outputs are of, and what
came out as before stays as it was, so that only news are seen in a diff. check_notebooks.py holds notebooks to it.
"""

import argparse
import copy
import hashlib
import math
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

import pictures

# How long something took and how fast it was, as the kit writes it.
TIMING = re.compile(r"\b\d[\d.,]*k? ?(tokens/s|min|ms|s|h)\b")


class Progress:
    """Where a notebook is: on a terminal a line that rewrites itself, elsewhere one line at the end."""

    def __init__(self, name, cells):
        self.name, self.cells, self.cell, self.start = name, cells, 0, time.monotonic()

    def enter(self, cell, cell_index):
        self.cell = cell_index + 1
        if sys.stdout.isatty():
            self.write("\r", "")

    def close(self, outcome):
        self.write("\r" if sys.stdout.isatty() else "", f"  {outcome}\n")

    def write(self, before, after):
        minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
        where = f"{self.name:<32} cell {self.cell:>2}/{self.cells}  {minutes:>3}:{seconds:02}"
        print(before + where, end=after, flush=True)


def complaints(notebook):
    """What is wrong with a notebook that ran without an error: empty figures, and cells that should show something."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            continue
        if "output" in cell.metadata.get("tags", []) and not cell.outputs:
            yield f"cell {number} is tagged 'output' and shows nothing"
        for output in cell.outputs:
            figure = output.get("data", {}).get(pictures.PLOTLY)
            if figure is not None and not any(has_data(trace) for trace in figure.get("data", [])):
                yield f"cell {number} draws a figure without data"


def has_data(trace):
    return any(trace.get(key) for key in ("x", "y", "z", "values"))


def code(cell):
    """What stands for a cell's code: a digest of its source."""
    return hashlib.sha256(cell.source.encode()).hexdigest()[:12]


def executed(notebook):
    """Which code the outputs are of, by cell."""
    return {cell.id: code(cell) for cell in notebook.cells if cell.cell_type == "code"}


def same(new, old):
    """Whether outputs differ in nothing but pictures, timings, and the last digits that depend on threads."""
    if isinstance(new, dict) and isinstance(old, dict):
        keys = (new.keys() | old.keys()) - {"image/png"}
        return all(key in new and key in old and same(new[key], old[key]) for key in keys)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(same, new, old))
    if isinstance(new, str) and isinstance(old, str):
        return TIMING.sub("some time", new) == TIMING.sub("some time", old)
    if {type(new), type(old)} in ({float}, {float, int}):
        return math.isclose(new, old, rel_tol=1e-4)
    return new == old


def keep_same(notebook, before):
    """Outputs that say the same as those of the execution before, of the same code, stay that execution's."""
    old = {cell.id: cell.outputs for cell in before.cells
           if cell.cell_type == "code" and before.metadata.get("executed", {}).get(cell.id) == code(cell)}
    for cell in notebook.cells:
        if cell.id in old and same(cell.outputs, old[cell.id]):
            cell.outputs = old[cell.id]


def without_volatile(notebook):
    """What differs from run to run or by who saves, without meaning anything, goes: so diffs of committed notebooks say
    something."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = as_javascript(cell.outputs)
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None


def as_javascript(value):
    """Numbers as JupyterLab writes them, whose language has no 2048.0: saving an opened notebook changes none."""
    if isinstance(value, dict):
        return type(value)((key, as_javascript(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return [as_javascript(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def failure(error, cell):
    if isinstance(error, CellExecutionError):
        return f"cell {cell} fails: {error.ename or 'error'}: {error.evalue or error.traceback}"
    return f"cell {cell} ran into the time limit (--cell-timeout)"


def run(path, target, kernel, cell_timeout):
    """Executes one notebook and writes it to target; in place only if nothing is wrong. Returns what is wrong."""
    notebook = nbformat.read(path, as_version=4)
    before = copy.deepcopy(notebook)
    progress = Progress(path.name, len(notebook.cells))
    client = NotebookClient(notebook, kernel_name=kernel, timeout=cell_timeout, record_timing=False,
                            coalesce_streams=True, on_cell_start=progress.enter,
                            resources={"metadata": {"path": str(path.parent)}})
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            client.execute(stdout=log, stderr=log)
            wrong = list(complaints(notebook))
        except (CellExecutionError, CellTimeoutError) as error:
            wrong = [failure(error, progress.cell)]
        except RuntimeError as error:  # nbclient's DeadKernelError, and jupyter_client's own
            log.seek(0)
            wrong = [f"the kernel died in cell {progress.cell} ({error}); the last that it said:",
                     *log.read().splitlines()[-10:]]
    without_volatile(notebook)
    if target != path:
        nbformat.write(notebook, target)
    elif not wrong:
        keep_same(notebook, before)
        pictures.add(notebook, before)
        notebook.metadata["executed"] = executed(notebook)
        nbformat.write(notebook, target)
    progress.close("FAILED" if wrong else "passed")
    for line in wrong:
        print(f"    {path.name}: {line}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--in-place", action="store_true", help="write each executed notebook over its source")
    where.add_argument("--output", type=Path, metavar="FOLDER", help="write the executed notebooks there")
    parser.add_argument("--kernel", default="java", help="the kernelspec's name (java)")
    parser.add_argument("--cell-timeout", type=int, default=3600, metavar="SECONDS", help="limit for one cell (3600)")
    arguments = parser.parse_args()

    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in arguments.notebooks:
        path = path.resolve()
        target = path if arguments.in_place else arguments.output / path.name
        failed += bool(run(path, target, arguments.kernel, arguments.cell_timeout))
    print(f"notebooks: {len(arguments.notebooks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
