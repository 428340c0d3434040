"""What the two PyTorch trainers share: arguments, the token set that our trainer reads too, timed steps, and JSON."""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy
import torch


def arguments(**options):
    """Those of every trainer, and options given as name=choices."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--micro-batch", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    for name, choices in options.items():
        parser.add_argument(f"--{name}", choices=choices, required=True)
    return parser.parse_args()


def read_size(inputs, name):
    return next(s for s in json.loads((inputs / "sizes.json").read_text()) if s["size"]["name"] == name)


def batches(inputs, size, micro_batch):
    """Sequences of a token set, one after another, with the token that follows each: (micro-batch, length + 1)."""
    length = size["size"]["sequenceLength"]
    shard = inputs / "tokens" / size["size"]["scale"].lower() / "train" / "shard-00000.bin"
    tokens = numpy.memmap(shard, "<u2", "r")
    count = (len(tokens) - 1) // length
    first = 0
    while True:
        rows = [(first + i) % count * length for i in range(micro_batch)]
        yield torch.from_numpy(numpy.stack([tokens[r:r + length + 1] for r in rows]).astype(numpy.int64))
        first += micro_batch


def measure(options, size, model, loss_of, fused):
    """Steps of one micro-batch each: batch, forward and backward pass, clipping and AdamW."""
    settings = size["optimizer"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["learningRate"],
                                  betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"],
                                  weight_decay=settings["weightDecay"], fused=fused)
    data = batches(options.inputs, size, options.micro_batch)
    seconds = []
    for _ in range(options.warm_up + options.steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(next(data).to(options.device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
        optimizer.step()
        last = loss.item()
        seconds.append(time.perf_counter() - begin)
    measured = seconds[options.warm_up:]
    tokens = options.micro_batch * size["size"]["sequenceLength"]
    memory = {}
    if options.device == "cuda":  # context and libraries included, as nvidia-smi counts it
        free, total = torch.cuda.mem_get_info()
        memory = {"deviceMemory": total - free}
    print(json.dumps({"engine": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads(), "loss": last,
                      "stepSeconds": measured, "tokensPerSecond": tokens / statistics.median(measured)} | memory))
