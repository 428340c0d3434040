"""GPT-J as a user of transformers trains it: GPTJForCausalLM and PyTorch's AdamW; float32, on a GPU bfloat16 where
PyTorch's autocast has it, and the fused AdamW."""

import torch
from transformers import GPTJConfig, GPTJForCausalLM

import training


def build(size):
    c = size["config"]
    torch.manual_seed(0)
    return GPTJForCausalLM(GPTJConfig(vocab_size=c["vocabulary"], n_positions=c["positions"], n_embd=c["width"],
                                      n_layer=c["layers"], n_head=c["heads"], rotary_dim=c["rotaryDim"],
                                      bos_token_id=0, eos_token_id=0))


if __name__ == "__main__":
    options = training.arguments()
    size = training.read_size(options.inputs, options.size)
    model = build(size).train().to(options.device)
    on_gpu = options.device == "cuda"

    def loss_of(batch):
        ids = batch[:, :-1]
        with torch.autocast(options.device, torch.bfloat16, enabled=on_gpu):
            return model(input_ids=ids, labels=ids).loss

    training.measure(options, size, model, loss_of, fused=on_gpu or None)
