"""Encodes a folder of texts with Hugging Face's tokenizers, in parallel, and writes the ids as uint16."""

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import numpy
from tokenizers import Tokenizer

BATCH = 1_000  # texts; the tokenizer's threads share them

parser = argparse.ArgumentParser()
parser.add_argument("--tokenizer", type=Path, required=True)
parser.add_argument("--texts", type=Path, required=True)
parser.add_argument("--out", type=Path, required=True)
options = parser.parse_args()

tokenizer = Tokenizer.from_file(str(options.tokenizer))
end_of_text = tokenizer.token_to_id("<|endoftext|>")
size = tokens = 0
begin = time.perf_counter()
with open(options.texts / "texts.jsonl", encoding="utf-8") as lines, open(options.out, "wb") as out:
    while texts := [json.loads(line)["text"] for line in islice(lines, BATCH)]:
        for encoding in tokenizer.encode_batch(texts):
            numpy.array([*encoding.ids, end_of_text], "<u2").tofile(out)
            tokens += len(encoding.ids) + 1
        size += sum(len(text.encode()) for text in texts)
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "bytes": size, "tokens": tokens, "megabytesPerSecond": size / 1e6 / seconds}))
