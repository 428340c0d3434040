"""What a training step of kernels.py keeps in memory at most on a GPU, counted on a processor.

Called with kernels.py, the products that go with it and the settings' first three numbers (dtype, chunk, block); reads
from standard input, a line each, vocabulary, width, layers, heads, length, sequences and 1 for a tied head (else 0),
and answers with bytes: of all tensors that operators have made and nobody has dropped yet, weights and their gradients
left out.
"""
import io
import pathlib
import sys
import weakref
import zipfile

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MODULE = b"\x80\x02c__torch__\nM\nq\x00)\x81}q\x01X\x08\x00\x00\x00trainingq\x02\x88sb."


def load(source):
    # attention as on a GPU: the processor's operator for it keeps the same
    if "if qkv.is_cuda:" not in source:
        sys.exit("kernels.py has another way to choose attention")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("kernels/data.pkl", MODULE)
        files.writestr("kernels/code/__torch__.py", source.replace("if qkv.is_cuda:", "if True:"))
        files.writestr("kernels/constants.pkl", b"\x80\x02).")
        files.writestr("kernels/version", "10")
    archive.seek(0)
    return torch.jit.load(archive)


class Storages(TorchDispatchMode):
    """Counts the bytes of storages as long as they live."""

    def __init__(self, known):
        super().__init__()
        self.known = {tensor.untyped_storage()._cdata for tensor in known}
        self.live = self.peak = 0

    def __torch_dispatch__(self, operator, types, arguments=(), named=None):
        made = operator(*arguments, **(named or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor.untyped_storage())
        return made

    def add(self, storage):
        if storage._cdata not in self.known:
            self.known.add(storage._cdata)
            self.live += storage.nbytes()
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self.drop, storage._cdata, storage.nbytes())

    def drop(self, storage, size):
        self.known.remove(storage)
        self.live -= size


def peak(kernels, settings, vocabulary, width, layers, heads, length, sequences, tied):
    layer = [(width,)] * 2 + [(width, width)] * 4 + [(4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    shapes = [(vocabulary, width), *layer * layers, (width,), (width,), (vocabulary, width), (vocabulary,)]
    weights = [torch.zeros(shape, requires_grad=True) for shape in shapes]
    if tied:
        weights[-2] = weights[0]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    ids = torch.zeros(sequences, length, dtype=torch.int64)
    rotation = torch.ones(length, width // heads)
    gradients = [weight.grad for weight in weights]
    numbers = [torch.ones(2), torch.tensor([*settings, 1, 0, 1])]
    with Storages([*weights, *gradients, ids, rotation, *numbers]) as storages:
        kernels.accumulate(ids, ids, ids, weights, gradients[:-2], gradients[-2:], rotation, rotation, *numbers)
    if storages.live:
        sys.exit(f"{storages.live} bytes were never dropped")
    return storages.peak


kernels = load("".join(pathlib.Path(part).read_text(encoding="utf-8") for part in sys.argv[1:3]))
# as DJL runs it: each operator as it stands
with torch.jit.optimized_execution(False):
    for line in sys.stdin:
        print(peak(kernels, [float(number) for number in sys.argv[3:]], *map(int, line.split())), flush=True)
