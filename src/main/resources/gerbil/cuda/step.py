# TorchScript, as kernels.py is: what lies between the kernels of a training step, mostly products by cuBLAS. Weights
# come in the order of GptJTensors. Where out is given, a result is there.
class M(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool

  # settings: type, rows, columns; like: an array on the device
  def zeros(self: __torch__.M,
      settings: Tensor,
      like: Tensor) -> Tensor:
    return torch.zeros([int(settings[1]), int(settings[2])], dtype=int(settings[0]), device=like.device)

  # 16-bit weights, as the kernels and their products take them: of each layer inputs, (7 width, width): query, key, value
  # and the MLP, and outputs, (width, 5 width): attention, MLP; head (entries and more, width), and its bias times log2(e)
  def pack(self: __torch__.M,
      weights: List[Tensor],
      inputs: List[Tensor],
      outputs: List[Tensor],
      head: Tensor,
      bias: Tensor) -> Tensor:
    for layer in range(torch.len(inputs)):
      k, v, q, attention, mlp_in, mlp_in_bias, mlp_out, = torch.slice(weights, 3 + 10 * layer, 10 + 10 * layer)
      torch.copy_(inputs[layer], torch.cat([q, k, v, mlp_in]))
      torch.copy_(outputs[layer], torch.cat([attention, mlp_out], 1))
    entries = torch.size(weights[-1], 0)
    torch.copy_(torch.slice(head, 0, 0, entries), weights[-2])
    torch.copy_(torch.slice(bias, 0, 0, entries), torch.mul(weights[-1], 1.4426950408889634))
    return head

  # The residual stream before the first layer, (rows, width); of each target 1, or 0 if it is not learned; and in what
  # order the rows of the learned targets, and of the ids, belong to the entries of the vocabulary: rows, and where those
  # of an entry begin, (entries + 1)
  def begin(self: __torch__.M,
      ids: Tensor,
      targets: Tensor,
      groups: Tensor,
      embedding: Tensor) -> List[Tensor]:
    entries = torch.size(embedding, 0)
    learned = torch.ge(torch.flatten(groups), 0)
    # what is not learned is after the last entry
    counted = torch.masked_fill(torch.flatten(targets), torch.logical_not(learned), entries)
    streams = torch.embedding(embedding, torch.flatten(ids))
    return torch.add(torch.add([streams, torch.to(learned, 6)], (self).order(counted, entries)), (self).order(torch.flatten(ids), entries))

  def order(self: __torch__.M,
      ids: Tensor,
      entries: int) -> List[Tensor]:
    sorted, rows, = torch.sort(ids, stable=True)
    firsts = torch.arange(entries + 1, dtype=4, device=ids.device)
    return [rows, torch.searchsorted(sorted, firsts, out_int32=True)]

  # out = x w'
  def product(self: __torch__.M,
      x: Tensor,
      w: Tensor,
      out: Tensor) -> Tensor:
    return torch.mm(x, torch.t(w), out=out)

  # The gradients of x and w from d, that of the product
  def product_gradients(self: __torch__.M,
      d: Tensor,
      x: Tensor,
      w: Tensor,
      dx: Tensor,
      dw: Tensor) -> Tensor:
    torch.mm(d, w, out=dx)
    return torch.mm(torch.t(d), x, out=dw)

  # What the products of a wide head take: of each row the logit of its target by itself; what gradients of weights are
  # made of, (rows, width + 8): the row and a one for the bias, in eight as tensor cores want them, or zeros where the
  # target does not count, divided by 64, since thousands of them add up to a float16; the bias in 16 bits, and zeros to
  # add up in, (entries, width + 8)
  def wide_head(self: __torch__.M,
      hidden: Tensor,
      targets: Tensor,
      learned: Tensor,
      weights: List[Tensor],
      head: Tensor,
      bias: Tensor) -> List[Tensor]:
    rows, width = torch.size(hidden)
    ids = torch.flatten(targets)
    own = torch.add(torch.sum(torch.mul(hidden, torch.index_select(weights[0], 0, ids)), [1]), torch.index_select(weights[1], 0, ids))
    counted = torch.unsqueeze(learned, 1)
    ones = torch.cat([counted, torch.zeros([rows, 7], dtype=6, device=hidden.device)], 1)
    inputs = torch.div(torch.cat([torch.mul(hidden, counted), ones], 1), 64.)
    sums = torch.zeros([torch.size(head, 0), width + 8], dtype=6, device=hidden.device)
    return [own, torch.to(inputs, head.dtype), torch.to(bias, head.dtype), sums]

  # The logits, to base 2, of rows first to last - 1, in out from its first row on
  def logits(self: __torch__.M,
      hidden: Tensor,
      head: Tensor,
      bias: Tensor,
      rows: Tensor,
      out: Tensor) -> Tensor:
    first = int(rows[0])
    last = int(rows[1])
    return torch.addmm(bias, torch.slice(hidden, 0, first, last), torch.t(head), out=torch.slice(out, 0, 0, last - first))

  # From d, the gradients of these logits, those of hidden, times scale, and the sums of the weights'
  def logit_gradients(self: __torch__.M,
      d: Tensor,
      head: Tensor,
      inputs: Tensor,
      rows: Tensor,
      d_hidden: Tensor,
      sums: Tensor) -> Tensor:
    first = int(rows[0])
    last = int(rows[1])
    own = torch.slice(d, 0, 0, last - first)
    torch.copy_(torch.slice(d_hidden, 0, first, last), torch.mul(torch.to(torch.mm(own, head), 6), float(rows[2])))
    return torch.add_(sums, torch.mm(torch.t(own), torch.slice(inputs, 0, first, last)))

  # The gradients of weight and bias, (1, entries, width) and (1, entries)
  def wide_gradients(self: __torch__.M,
      sums: Tensor,
      bias: Tensor) -> List[Tensor]:
    own = torch.unsqueeze(torch.mul(torch.slice(sums, 0, 0, torch.size(bias, 0)), 64.), 0)
    return [torch.slice(own, 2, 0, -8), torch.select(own, 2, torch.size(own, 2) - 8)]

  # Adds to the gradients of the weights that have one, of which the head's are apart, and returns the scaled losses of the groups. norm_sums
  # (layers + 1, blocks, 3, width) and mlp_sums (layers, blocks, 4 width): what the kernels' blocks have summed; inputs and
  # outputs: the gradients of packed weights; head: of its weight and bias, (parts, ...), before they are scaled.
  # scales: of the losses, and of the head's gradients; count: how many groups.
  def finish(self: __torch__.M,
      weights: List[Tensor],
      gradients: List[Tensor],
      head_gradients: List[Tensor],
      embedding: Tensor,
      norm_sums: Tensor,
      mlp_sums: Tensor,
      inputs: List[Tensor],
      outputs: List[Tensor],
      head: List[Tensor],
      losses: Tensor,
      groups: Tensor,
      scales: Tensor,
      count: Tensor) -> Tensor:
    width = torch.size(embedding, 1)
    norms = torch.sum(norm_sums, [1])
    mlp_in_biases = torch.sum(mlp_sums, [1])
    all = [embedding]
    layers = torch.len(inputs)
    for layer in range(layers):
      q, k, v, mlp_in, = torch.split_with_sizes(torch.to(inputs[layer], 6), [width, width, width, 4 * width])
      attention, mlp_out, = torch.split_with_sizes(outputs[layer], [width, 4 * width], 1)
      all = torch.add(all, [norms[layer][0], norms[layer][1], k, v, q, torch.to(attention, 6), mlp_in, mlp_in_biases[layer], torch.to(mlp_out, 6), norms[layer + 1][2]])
    scale = float(scales[1])
    d_weight = torch.mul(torch.sum(head[0], [0]), scale)
    d_bias = torch.mul(torch.sum(head[1], [0]), scale)
    all = torch.add(all, [norms[layers][0], norms[layers][1], d_weight, d_bias])
    own = annotate(List[Tensor], [])
    for i in range(torch.len(weights)):
      if weights[i].requires_grad:
        own = torch.append(own, all[i])
    # a tied head's gradient is the embedding's, and a GPU adds the tensors of one call side by side
    torch._foreach_add_(gradients, torch.slice(own, 0, -2))
    torch._foreach_add_(head_gradients, torch.slice(own, -2))
    numbers = torch.unsqueeze(torch.arange(int(count), dtype=4, device=losses.device), 1)
    return torch.mul(torch.sum(torch.mul(torch.eq(numbers, torch.flatten(groups)), losses), [1]), float(scales[0]))
