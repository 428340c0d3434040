"""Holds notebooks, as they are committed, to their rules; names notebook and cell of each that is broken."""

import json
import re
import sys
from pathlib import Path

import nbformat

from pictures import PLOTLY
from run_notebooks import as_javascript, code

LONGEST_CELL = 15
# As many lines of code in a row may stand in two notebooks: the few calls that open a workspace.
REPEATED = 5
# Magics, of which older kernels know others; what is JJava's own; the kernel's insides.
OF_ONE_KERNEL = re.compile(r"^\s*%|(?<![.\w])(kernel|printf|lineMagic|cellMagic)\(|org\.dflib|spencerpark", re.M)


def cells(notebook):
    return [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]


def broken_code(notebook):
    if not any("knobs" in cell.metadata.get("tags", []) for _, cell in cells(notebook)):
        yield "no cell is tagged 'knobs'"
    for number, cell in cells(notebook):
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"cell {number} has {lines} lines, more than {LONGEST_CELL}: move logic to the library"
        of_one_kernel = OF_ONE_KERNEL.search(cell.source)
        if of_one_kernel:
            yield f"cell {number} uses '{of_one_kernel.group().strip()}', which not every Java kernel has"


def broken_outputs(notebook):
    of = notebook.metadata.get("executed", {})
    if set(of) != {cell.id for _, cell in cells(notebook)}:
        yield "cells were added or removed after the outputs came: execute the notebook"
    for number, cell in cells(notebook):
        if of.get(cell.id, code(cell)) != code(cell):
            yield f"cell {number} has outputs of other code than stands there: execute the notebook"
        if "output" in cell.metadata.get("tags", []) and not cell.outputs:
            yield f"cell {number} is tagged 'output' and shows nothing"
        if cell.execution_count is not None or "execution" in cell.metadata:
            yield f"cell {number} has an execution count or times, which differ from run to run"
        if json.dumps(cell.outputs) != json.dumps(as_javascript(cell.outputs)):
            yield f"cell {number} has numbers that JupyterLab writes in another way"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {number} ended in an error"
            if PLOTLY in output.get("data", {}) and "image/png" not in output.data:
                yield f"cell {number} has a figure without a picture beside it"


def repetitions(notebooks):
    """Runs of lines that stand in two notebooks; trivial ones, braces and the like, count as lines too."""
    seen = {}
    for path, notebook in notebooks.items():
        for number, cell in cells(notebook):
            lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
            for start in range(len(lines) - REPEATED):
                run = tuple(lines[start:start + REPEATED + 1])
                first, first_number = seen.setdefault(run, (path, number))
                if first != path:
                    yield path, (f"cell {number} has more than {REPEATED} lines in a row of cell {first_number} of "
                                 f"{first.name}, from '{run[0]}': move them to the library")
                    break


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: check_notebooks.py NOTEBOOK...")
    notebooks = {path: nbformat.read(path, as_version=4) for path in map(Path, sys.argv[1:])}
    wrong = [(path, line) for path, notebook in notebooks.items()
             for rule in (broken_code, broken_outputs) for line in rule(notebook)]
    wrong += repetitions(notebooks)
    for path, line in wrong:
        print(f"{path.name}: {line}")
    print(f"committed notebooks: {len(notebooks)} checked, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
