"""Log-likelihoods of a file of requests by lm-evaluation-harness's own model of transformers."""

import argparse
import json
import time
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

parser = argparse.ArgumentParser()
parser.add_argument("--size", required=True)
parser.add_argument("--requests", type=Path, required=True)
parser.add_argument("--export", type=Path, required=True)
options = parser.parse_args()

requests = [Instance("loglikelihood", {}, (request["context"], request["text"]), index)
            for index, request in enumerate(map(json.loads, options.requests.read_text().splitlines()))]
model = HFLM(pretrained=str(options.export), dtype="float32", device="cpu", batch_size=16)
model.loglikelihood(requests[:32], disable_tqdm=True)  # warms up
begin = time.perf_counter()
nats = [answer[0] for answer in model.loglikelihood(requests, disable_tqdm=True)]
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "requestsPerSecond": len(requests) / seconds, "nats": nats}))
