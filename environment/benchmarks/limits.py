"""What bounds a training step on this machine, at most: the rate of large matrix products and of a large copy."""

import json
import time

import torch

SECONDS = 3  # of each: in less, what else the machine does can halve what is found
ROWS = 1024
COPIED = 1 << 26  # float32 numbers, far more than any cache holds


def fastest(work):
    seconds = []
    while sum(seconds) < SECONDS:
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def flops(dtype):
    a = torch.randn(ROWS, ROWS).to(dtype)
    product = torch.empty_like(a)
    return 2 * ROWS ** 3 / fastest(lambda: torch.mm(a, a, out=product))


source, target = torch.ones(COPIED), torch.zeros(COPIED)
print(json.dumps({"float32FlopsPerSecond": flops(torch.float32), "bfloat16FlopsPerSecond": flops(torch.bfloat16),
                  "bytesPerSecond": 2 * source.nbytes / fastest(lambda: target.copy_(source))}))
