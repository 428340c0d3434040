# TorchScript, as it stands in a model archive: PyTorch operators that DJL's NDArray does not have. Weights come in the
# order of GptJ.weights(): embedding, ten of each layer, final LayerNorm, head.
class M(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool

  # ids (batch, length), cos and sin (length, 1, 1, head_dim) -> (batch, length, width)
  def hidden(self: __torch__.M,
      ids: Tensor,
      weights: List[Tensor],
      cos: Tensor,
      sin: Tensor) -> Tensor:
    batch = torch.size(ids, 0)
    length = torch.size(ids, 1)
    x = torch.embedding(weights[0], ids)
    width = torch.size(x, 2)
    head_dim = torch.size(cos, -1)
    for layer in range((torch.len(weights) - 5) // 10):
      o = 1 + 10 * layer
      normed = torch.layer_norm(x, [width], weights[o], weights[o + 1], 1e-05)
      packed = torch.cat([weights[o + 4], weights[o + 2], weights[o + 3]], 0)
      qkv = torch.view(torch.linear(normed, packed), [batch, length, 3, -1, head_dim])
      qk = torch.slice(qkv, 2, 0, 2)
      turned = torch.flatten(torch.stack([torch.neg(torch.slice(qk, -1, 1, None, 2)), torch.slice(qk, -1, 0, None, 2)], -1), -2)
      qk2 = torch.add(torch.mul(qk, cos), torch.mul(turned, sin))
      q = torch.transpose(torch.select(qk2, 2, 0), 1, 2)
      k = torch.transpose(torch.select(qk2, 2, 1), 1, 2)
      v = torch.transpose(torch.select(qkv, 2, 2), 1, 2)
      mixed = torch.scaled_dot_product_attention(q, k, v, None, 0., True)
      attended = torch.linear(torch.reshape(torch.transpose(mixed, 1, 2), [batch, length, width]), weights[o + 5])
      inner = torch.gelu(torch.linear(normed, weights[o + 6], weights[o + 7]), approximate="tanh")
      x = torch.add(torch.add(x, attended), torch.linear(inner, weights[o + 8], weights[o + 9]))
    n = torch.len(weights)
    return torch.layer_norm(x, [width], weights[n - 4], weights[n - 3], 1e-05)

  # Sum of the cross-entropy and its gradients, chunk by chunk and without autograd, so that the logits of a whole batch
  # never exist: hidden (rows, width), targets (rows) -> loss, d hidden, d weight, d bias
  def head(self: __torch__.M,
      hidden: Tensor,
      targets: Tensor,
      weight: Tensor,
      bias: Tensor,
      chunk: int) -> List[Tensor]:
    rows = torch.size(hidden, 0)
    loss = torch.zeros([1], dtype=6, device=hidden.device)
    d_hidden = torch.empty_like(hidden)
    d_weight = torch.zeros_like(weight)
    d_bias = torch.zeros_like(bias)
    weight_t = torch.t(weight)
    first = 0
    while first < rows:
      last = min(first + chunk, rows)
      h = torch.slice(hidden, 0, first, last)
      t = torch.unsqueeze(torch.slice(targets, 0, first, last), 1)
      p = torch.softmax(torch.addmm(bias, h, weight_t), -1)
      chosen = torch.gather(p, 1, t)
      loss = torch.sub(loss, torch.sum(torch.log(chosen)))
      p2 = torch.scatter_(p, 1, t, torch.sub(chosen, 1.))
      torch.copy_(torch.slice(d_hidden, 0, first, last), torch.mm(p2, weight))
      d_weight = torch.addmm_(d_weight, torch.t(p2), h)
      d_bias = torch.add_(d_bias, torch.sum(p2, [0]))
      first = last
    return [loss, d_hidden, d_weight, d_bias]

  # The loss times scale, and a scalar that has the loss's gradients
  def loss(self: __torch__.M,
      ids: Tensor,
      targets: Tensor,
      weights: List[Tensor],
      cos: Tensor,
      sin: Tensor,
      scale: Tensor,
      chunk: Tensor) -> Tuple[Tensor, Tensor]:
    h = torch.flatten((self).hidden(ids, weights, cos, sin), 0, 1)
    n = torch.len(weights)
    weight = weights[n - 2]
    bias = weights[n - 1]
    parts = (self).head(torch.detach(h), torch.flatten(targets), torch.detach(weight), torch.detach(bias), int(chunk))
    surrogate = torch.add(torch.add(torch.sum(torch.mul(h, parts[1])), torch.sum(torch.mul(weight, parts[2]))), torch.sum(torch.mul(bias, parts[3])))
    return (torch.mul(parts[0], scale), torch.mul(surrogate, scale))

  # Scales the gradients down to a global L2 norm of at most largest; returns the norm before
  def clip(self: __torch__.M,
      gradients: List[Tensor],
      largest: Tensor) -> Tensor:
    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(gradients)))
    factor = float(largest) / (float(norm) + 1e-06)
    if factor < 1.:
      torch._foreach_mul_(gradients, factor)
    return norm

  # One AdamW step of a group of parameters; counts the steps and zeroes the gradients. The lists must be arguments: of
  # lists built here, the interpreter would take the update for dead code.
  def adamw(self: __torch__.M,
      parameters: List[Tensor],
      gradients: List[Tensor],
      means: List[Tensor],
      squares: List[Tensor],
      steps: List[Tensor],
      settings: Tensor) -> Tensor:
    torch._foreach_add_(steps, 1)
    torch._fused_adamw_(parameters, gradients, means, squares, [], steps, lr=float(settings[0]), beta1=float(settings[1]), beta2=float(settings[2]), weight_decay=float(settings[3]), eps=float(settings[4]), amsgrad=False, maximize=False)
    torch._foreach_zero_(gradients)
    return settings
