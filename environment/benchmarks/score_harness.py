"""Log-likelihoods of two files of requests by lm-evaluation-harness's own model of transformers."""

import argparse
import json
import time
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

parser = argparse.ArgumentParser()
parser.add_argument("--size", required=True)
parser.add_argument("--requests", type=Path, required=True)
parser.add_argument("--choices", type=Path, required=True)
parser.add_argument("--export", type=Path, required=True)
parser.add_argument("--warm-up", type=int, required=True)
options = parser.parse_args()

model = HFLM(pretrained=str(options.export), dtype="float32", device="cpu", batch_size=16)
files = []
for file in (options.requests, options.choices):
    lines = map(json.loads, file.read_text().splitlines())
    files.append([Instance("loglikelihood", {}, (line["context"], line["text"]), i) for i, line in enumerate(lines)])
for requests in files:
    model.loglikelihood(requests[:options.warm_up], disable_tqdm=True)
speeds, nats = [], []
for requests in files:
    begin = time.perf_counter()
    nats += [answer[0] for answer in model.loglikelihood(requests, disable_tqdm=True)]
    speeds.append(len(requests) / (time.perf_counter() - begin))
print(json.dumps({"requestsPerSecond": speeds[0], "choicesPerSecond": speeds[1], "nats": nats}))
