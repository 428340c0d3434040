"""What transformers and PyTorch make of exported folders: each folder's request.json is answered by oracle.json and
oracle.safetensors beside it, and by further folders that transformers and PyTorch save the same model in."""

import copy
import json
import logging
import sys
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

complaints = []


class Complaints(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())


def answer(folder):
    request = json.loads((folder / "request.json").read_text())
    complaints.clear()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    complaints.extend(str(warning.message) for warning in raised)
    ids = torch.tensor([request["ids"]])
    with torch.no_grad():
        logits = model(ids).logits[0]
    greedy = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                            max_new_tokens=request["newTokens"], pad_token_id=model.config.eos_token_id)[0]
    encoded = [tokenizer(text)["input_ids"] for text in request["texts"]]
    save_file({"logits": logits.contiguous()}, folder / "oracle.safetensors")
    (folder / "oracle.json").write_text(json.dumps({
        "model": type(model).__name__, "tokenizer": type(tokenizer).__name__, "entries": len(tokenizer),
        "complaints": complaints + [f"{kind}: {sorted(map(str, keys))}" for kind, keys in info.items() if keys],
        "greedy": greedy.tolist(), "encoded": encoded,
        "decoded": [tokenizer.decode(ids) for ids in encoded]}))
    for name in request["saves"]:
        save(name, model, tokenizer, ids, folder / name)


def save(name, model, tokenizer, ids, folder):
    """The model as other programs leave it; oracle.safetensors has the logits of the weights as they are there."""
    dtype = {"float16": torch.float16, "bfloat16": torch.bfloat16}.get(name, torch.float32)
    rounded, model = copy.deepcopy(model), copy.deepcopy(model).to(dtype)
    for weight in rounded.parameters():  # not the rotary tables, which are no weights and made anew on loading
        weight.data = weight.data.to(dtype).to(torch.float32)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder, max_shard_size="100KB" if name == "sharded" else "5GB")
    if name.startswith("pickled"):
        state = model.state_dict()
        if name == "pickled-with-masks":
            length = model.config.n_positions
            for layer in range(model.config.n_layer):
                prefix = f"transformer.h.{layer}.attn."
                state[prefix + "bias"] = torch.tril(torch.ones(length, length, dtype=torch.bool))[None, None]
                state[prefix + "masked_bias"] = torch.tensor(-1e9)
        elif name == "pickled-views":
            state = {key: value.t().contiguous().t() if value.dim() == 2 else torch.nn.Parameter(value)
                     for key, value in state.items()}
        (folder / "model.safetensors").unlink()
        torch.save(state, folder / "pytorch_model.bin")
    with torch.no_grad():
        save_file({"logits": rounded(ids).logits[0].contiguous()}, folder / "oracle.safetensors")


transformers.logging.disable_progress_bar()
transformers.logging.get_logger().addHandler(Complaints())
for argument in sys.argv[1:]:
    answer(Path(argument))
