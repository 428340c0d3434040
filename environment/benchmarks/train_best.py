"""The fastest training step of the same model that we could write in PyTorch: products that share an input or an output
are one, fused attention, a head that never holds all logits, and the fused AdamW. What is left to choose (the head and
its chunks, the format of the body's products, torch.compile) are options, of which the benchmark takes the fastest.
PyTorch's own linear_cross_entropy is among the heads in float32 only: in bfloat16 the loss that it returns (not its
gradients) is a sum rounded to bfloat16, 9.1 for 10.9 at 50,400 entries in PyTorch 2.14. The head "whole" is for a GPU:
all logits at once in autocast's format, which torch.compile fuses with the loss."""

import contextlib

import torch
from torch import nn
from torch.nn import functional as F

import training

GROUP = 1024  # rows whose gradients of the weight are one product; their logits are made a chunk at a time


class ChunkedCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of a linear head, its gradients made in the forward pass, a few rows of logits at a time. The
    targets' own rows are taken in float32, so that bfloat16 rounds only what is small."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets, dtype, chunk):
        rows = len(targets)
        h, w, b = hidden.to(dtype), weight.to(dtype), bias.to(dtype)
        own = weight[targets]
        loss = -(hidden * own).sum() - bias[targets].sum()
        d_hidden = -own
        d_weight = torch.zeros_like(weight).index_add_(0, targets, hidden, alpha=-1)
        d_bias = torch.zeros_like(bias).index_add_(0, targets, torch.ones(rows), alpha=-1)
        for first in range(0, rows, GROUP):
            last = min(first + GROUP, rows)
            p = torch.empty(last - first, len(weight), dtype=dtype)
            for row in range(first, last, chunk):
                end = min(row + chunk, last)
                target = targets[row:end, None]
                logits = torch.addmm(b, h[row:end], w.t())
                part = torch.softmax(logits, -1, out=p[row - first:end - first])
                # log sum exp = logit - log probability, of any entry
                loss += (logits.gather(1, target).float() - part.gather(1, target).float().log()).sum()
                d_hidden[row:end] += part @ w
            if dtype == torch.float32:
                d_weight.addmm_(p.t(), h[first:last])
            else:
                d_weight += p.t() @ h[first:last]
            d_bias += p.t().mv(torch.ones(last - first, dtype=dtype))
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        ctx.rows = rows
        return loss / rows

    @staticmethod
    def backward(ctx, d_loss):
        return *(gradient.mul_(d_loss / ctx.rows) for gradient in ctx.saved_tensors), None, None, None


def cross_entropy(head, chunk, hidden, weight, bias, targets):
    if head == "torch-float32":
        return F.linear_cross_entropy(hidden, weight, targets, linear_bias=bias,
                                      options=nn.LinearCrossEntropyOptions())
    dtype = torch.bfloat16 if head == "chunked-bfloat16" else torch.float32
    return ChunkedCrossEntropy.apply(hidden, weight, bias, targets, dtype, chunk)


class Layer(nn.Module):

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.into = nn.Linear(width, 7 * width, bias=False)  # query, key, value, and the MLP's four
        self.mlp_bias = nn.Parameter(torch.zeros(4 * width))
        self.out = nn.Linear(5 * width, width)  # of attention and MLP

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        packed = self.into(self.norm(x))
        qkv = packed[..., :3 * width].view(batch, length, 3, self.heads, -1)
        q, k = (rotate(part, cos, sin).transpose(1, 2) for part in qkv[:, :, :2].unbind(2))
        attended = F.scaled_dot_product_attention(q, k, qkv[:, :, 2].transpose(1, 2), is_causal=True)
        inner = F.gelu(packed[..., 3 * width:] + self.mlp_bias, approximate="tanh")
        return x + self.out(torch.cat([attended.transpose(1, 2).flatten(2).to(inner.dtype), inner], -1))


def rotate(x, cos, sin):
    """GPT-J's rotation of neighbouring pairs; where cos is 1 and sin 0 nothing turns."""
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], -1).flatten(-2).to(x.dtype)


class GptJ(nn.Module):

    def __init__(self, config, length):
        super().__init__()
        width = config["width"]
        self.embedding = nn.Embedding(config["vocabulary"], width)
        self.layers = nn.ModuleList(Layer(width, config["heads"]) for _ in range(config["layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config["vocabulary"])
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        for linear in (self.head, *(layer.out for layer in self.layers)):
            nn.init.zeros_(linear.bias)
        pairs = width // config["heads"] // 2
        rates = 10_000 ** (-torch.arange(0, config["rotaryDim"], 2) / config["rotaryDim"])
        angles = torch.outer(torch.arange(length), F.pad(rates, (0, pairs - len(rates))))[:, None]
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return self.norm(x)

    def loss(self, ids, targets):
        return F.cross_entropy(self.head(self(ids)).flatten(0, 1).float(), targets.flatten())


if __name__ == "__main__":
    options = training.arguments(head=["torch-float32", "chunked-float32", "chunked-bfloat16", "whole"],
                                 chunk=["64", "128", "256", "1024", "all"], body=["float32", "bfloat16"],
                                 run=["eager", "compiled"])
    size = training.read_size(options.inputs, options.size)
    torch.manual_seed(0)
    model = GptJ(size["config"], size["size"]["sequenceLength"]).to(options.device)
    whole = options.head == "whole"
    body = model.loss if whole else model
    body = torch.compile(body) if options.run == "compiled" else body
    autocast = (torch.autocast(options.device, torch.bfloat16) if options.body == "bfloat16"
                else contextlib.nullcontext())

    def loss_of(batch):
        if whole:
            with autocast:
                return body(batch[:, :-1], batch[:, 1:])
        with autocast:
            hidden = body(batch[:, :-1])
        return cross_entropy(options.head, int(options.chunk), hidden.flatten(0, 1).float(), model.head.weight,
                             model.head.bias, batch[:, 1:].flatten())

    training.measure(options, size, model, loss_of, fused=True)
