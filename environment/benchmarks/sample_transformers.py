"""Greedy continuations of one token, one and several at once, with transformers' generate and its cache."""

import argparse
import json
import time
from pathlib import Path

import torch

import train_transformers
import training

parser = argparse.ArgumentParser()
parser.add_argument("--inputs", type=Path, required=True)
parser.add_argument("--size", required=True)
parser.add_argument("--tokens", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
options = parser.parse_args()

model = train_transformers.build(training.read_size(options.inputs, options.size)).eval()


def tokens_per_second(batch):
    prompt = torch.zeros(batch, 1, dtype=torch.int64)
    for _ in range(2):  # the first one warms up
        begin = time.perf_counter()
        ids = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, use_cache=True,
                             min_new_tokens=options.tokens, max_new_tokens=options.tokens, pad_token_id=0)
        seconds = time.perf_counter() - begin
    assert ids.shape == (batch, 1 + options.tokens)
    return batch * options.tokens / seconds


print(json.dumps({"tokensPerSecond": tokens_per_second(1), "batchTokensPerSecond": tokens_per_second(options.batch)}))
