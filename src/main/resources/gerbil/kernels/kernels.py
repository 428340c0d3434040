# TorchScript, as it stands in a model archive: PyTorch operators that DJL's NDArray does not have. Weights come in the
# order of GptJTensors: embedding, ten of each layer, final LayerNorm, head.
class M(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool

  # The weights of a layer, which come in this order, packed for few products, in dtype: LayerNorm's weight and bias in
  # float32; what the layer's input is multiplied with, (7 width, width): query, key, value, MLP; the MLP's bias; what
  # makes the output, (width, 5 width): attention, MLP; its bias.
  def packed(self: __torch__.M,
      weights: List[Tensor],
      layer: int,
      dtype: int) -> List[Tensor]:
    ln_1_weight, ln_1_bias, attn_k_proj_weight, attn_v_proj_weight, attn_q_proj_weight, attn_out_proj_weight, mlp_fc_in_weight, mlp_fc_in_bias, mlp_fc_out_weight, mlp_fc_out_bias, = torch.slice(weights, 1 + 10 * layer, 11 + 10 * layer)
    inputs = torch.cat([attn_q_proj_weight, attn_k_proj_weight, attn_v_proj_weight, mlp_fc_in_weight])
    outputs = torch.cat([attn_out_proj_weight, mlp_fc_out_weight], 1)
    return [ln_1_weight, ln_1_bias, torch.to(inputs, dtype), torch.to(mlp_fc_in_bias, dtype), torch.to(outputs, dtype), torch.to(mlp_fc_out_bias, dtype)]

  # What rotates pairs as complex numbers, (length, head_dim / 2), from cos and sin, (length, head_dim). It is the fourth
  # root of head_dim too short, which divides the products of queries and keys by its square root. The last of an odd
  # number, which is not rotated, is a pair with nothing.
  def rotation(self: __torch__.M,
      cos: Tensor,
      sin: Tensor) -> Tensor:
    pairs = torch.stack([torch.slice(cos, 1, 0, None, 2), torch.slice(sin, 1, 0, None, 2)], -1)
    return torch.view_as_complex(torch.mul(pairs, torch.pow(torch.size(cos, 1), -0.25)))

  # x (..., length, head_dim), rotated
  def rotated(self: __torch__.M,
      x: Tensor,
      rotation: Tensor) -> Tensor:
    head_dim = torch.size(x, -1)
    even = torch.to(x, 6)
    if head_dim % 2 == 1:
      even = torch.constant_pad_nd(even, [0, 1])
    pairs = torch.view_as_complex(torch.unflatten(even, -1, [-1, 2]))
    made = torch.empty(torch.size(pairs), dtype=9, device=x.device)
    torch.mul(pairs, rotation, out=made)
    return torch.to(torch.slice(torch.flatten(torch.view_as_real(made), -2), -1, 0, head_dim), x.dtype)

  # Parts of y (batch, length, any number of widths) that begin at a number of widths, as (parts, batch, heads, length,
  # head_dim)
  def parts(self: __torch__.M,
      y: Tensor,
      first: int,
      parts: int,
      width: int,
      head_dim: int) -> Tensor:
    batch, length, all, = torch.size(y)
    some = torch.slice(y, -1, first * width, (first + parts) * width)
    return torch.permute(torch.view(some, [batch, length, parts, -1, head_dim]), [2, 0, 3, 1, 4])

  # A layer and, after the residual stream that it makes, what its backward pass needs: x, the residual stream before it
  # (batch, length, width), float32; LayerNorm's result, mean and deviation; what the MLP makes of that before
  # GELU, (batch, length, 4 width); what attention and GELU make, (batch, length, 5 width); queries, keys and values, (3,
  # batch, heads, length, head_dim); what attention keeps. Matrix products and attention are computed in dtype.
  def layer(self: __torch__.M,
      x: Tensor,
      packed: List[Tensor],
      rotation: Tensor,
      head_dim: int) -> List[Tensor]:
    batch, length, width, = torch.size(x)
    norm, mean, deviation, = torch.native_layer_norm(x, [width], packed[0], packed[1], 1e-05)
    normed = torch.to(norm, packed[2].dtype)
    y = torch.linear(normed, torch.slice(packed[2], 0, 0, 3 * width))
    qkv = torch.cat([(self).rotated((self).parts(y, 0, 2, width, head_dim), rotation), (self).parts(y, 2, 1, width, head_dim)])
    inner = torch.linear(normed, torch.slice(packed[2], 0, 3 * width), packed[3])
    made = torch.empty([batch, length, 5 * width], dtype=y.dtype, device=y.device)
    kept = (self).attention(qkv, torch.select((self).parts(made, 0, 1, width, head_dim), 0, 0))
    torch.gelu(inner, approximate="tanh", out=torch.slice(made, -1, width))
    after = torch.add(x, torch.linear(made, packed[4], packed[5]))
    return torch.add([after, x, normed, mean, deviation, inner, made, qkv], kept)

  # From d, the gradient of the residual stream after a layer, that of the one before it, and those of the layer's weights
  def layer_gradients(self: __torch__.M,
      d: Tensor,
      packed: List[Tensor],
      kept: List[Tensor],
      rotation: Tensor) -> List[Tensor]:
    x, normed, mean, deviation, inner, made, qkv, = torch.slice(kept, 0, 7)
    batch, length, width, = torch.size(x)
    head_dim = torch.size(qkv, -1)
    d_after = torch.to(d, made.dtype)
    d_made = torch.matmul(d_after, packed[4])
    d_outputs = torch.to(torch.mm(torch.t(torch.flatten(d_after, 0, 1)), torch.flatten(made, 0, 1)), 6)
    d_outputs_bias = torch.to(torch.sum(d_after, [0, 1]), 6)
    dy = torch.empty([batch, length, 7 * width], dtype=made.dtype, device=made.device)
    d_inner = torch.slice(dy, -1, 3 * width)
    torch.gelu_backward(torch.slice(d_made, -1, width), inner, approximate="tanh", grad_input=d_inner)
    d_qkv = (self).attention_gradients(torch.select((self).parts(d_made, 0, 1, width, head_dim), 0, 0), qkv, torch.slice(kept, 7))
    torch.copy_((self).parts(dy, 0, 2, width, head_dim), (self).rotated(torch.slice(d_qkv, 0, 0, 2), torch.conj_physical(rotation)))
    torch.copy_((self).parts(dy, 2, 1, width, head_dim), torch.slice(d_qkv, 0, 2))
    d_inputs = torch.to(torch.mm(torch.t(torch.flatten(dy, 0, 1)), torch.flatten(normed, 0, 1)), 6)
    d_inputs_bias = torch.to(torch.sum(d_inner, [0, 1]), 6)
    d_normed = torch.to(torch.matmul(dy, packed[2]), 6)
    dx, d_norm, d_norm_bias, = torch.native_layer_norm_backward(d_normed, x, [width], mean, deviation, packed[0], packed[1], [True, True, True])
    dq, dk, dv, d_mlp, = torch.split_with_sizes(d_inputs, [width, width, width, 4 * width])
    return [torch.add_(dx, d), d_norm, d_norm_bias, dk, dv, dq, torch.contiguous(torch.slice(d_outputs, 1, 0, width)), d_mlp, d_inputs_bias, torch.contiguous(torch.slice(d_outputs, 1, width)), d_outputs_bias]

  # What hides later keys from each of the last queries when added to its scores, (queries, keys), of the type of x
  def later(self: __torch__.M,
      queries: int,
      keys: int,
      x: Tensor) -> Tensor:
    return torch.triu(torch.full([queries, keys], -30000., dtype=x.dtype, device=x.device), keys - queries + 1)

  # Causal attention of qkv, (3, batch, heads, length, head_dim), into mixed, (batch, heads, length, head_dim); returns what
  # its backward pass needs beside qkv. PyTorch's own on a GPU. On a processor its backward pass takes up to twice as long as
  # products of blocks of queries with the keys they may see.
  def attention(self: __torch__.M,
      qkv: Tensor,
      mixed: Tensor) -> List[Tensor]:
    kept = annotate(List[Tensor], [])
    if qkv.is_cuda:
      torch.set_grad_enabled(True)
      leaf = torch.requires_grad_(torch.detach(qkv))
      q, k, v, = torch.unbind(leaf)
      made = torch.scaled_dot_product_attention(q, k, v, None, 0., True, scale=1.)
      torch.set_grad_enabled(False)
      torch.copy_(mixed, made)
      kept = [leaf, made]
    else:
      q, k, v, = torch.unbind(torch.flatten(qkv, 1, 2))
      keys = torch.transpose(k, 1, 2)
      length = torch.size(q, 1)
      first = 0
      while first < length:
        last = min(first + 64, length)
        unseen = (self).later(last - first, last, q)
        p = torch.baddbmm(unseen, torch.slice(q, 1, first, last), torch.slice(keys, 2, 0, last))
        torch._softmax(p, -1, False, out=p)
        part = torch.slice(mixed, 2, first, last)
        torch.copy_(part, torch.view(torch.bmm(p, torch.slice(v, 1, 0, last)), torch.size(part)))
        kept = torch.append(kept, p)
        first = last
    return kept

  # From d, the gradient of mixed, that of qkv
  def attention_gradients(self: __torch__.M,
      d: Tensor,
      qkv: Tensor,
      kept: List[Tensor]) -> Tensor:
    if qkv.is_cuda:
      d_qkv = unchecked_cast(Tensor, torch.autograd.grad([kept[1]], [kept[0]], annotate(List[Optional[Tensor]], [d]))[0])
    else:
      d_qkv = torch.empty_like(qkv)
      q, k, v, = torch.unbind(torch.flatten(qkv, 1, 2))
      dq, dk, dv, = torch.unbind(torch.flatten(d_qkv, 1, 2))
      values = torch.transpose(v, 1, 2)
      d_mixed = torch.flatten(d, 0, 1)
      for i in range(torch.len(kept)):
        block = torch.len(kept) - 1 - i
        p = kept[block]
        first = 64 * block
        last = torch.size(p, 2)
        d_part = torch.slice(d_mixed, 1, first, last)
        q_part = torch.slice(q, 1, first, last)
        d_scores = torch._softmax_backward_data(torch.bmm(d_part, torch.slice(values, 2, 0, last)), p, -1, p.dtype)
        torch.copy_(torch.slice(dq, 1, first, last), torch.bmm(d_scores, torch.slice(k, 1, 0, last)))
        k_part = torch.slice(dk, 1, 0, last)
        v_part = torch.slice(dv, 1, 0, last)
        dk_part = torch.bmm(torch.transpose(d_scores, 1, 2), q_part)
        dv_part = torch.bmm(torch.transpose(p, 1, 2), d_part)
        if i == 0:
          torch.copy_(k_part, dk_part)
          torch.copy_(v_part, dv_part)
        else:
          torch.add_(k_part, dk_part)
          torch.add_(v_part, dv_part)
    return d_qkv

  # Cross-entropy and the gradients of its sum, without autograd and never with all logits in memory: hidden (rows, width),
  # targets (rows), learned (rows; 1, or 0 for a target that does not count) -> losses (rows), d hidden, d weight, d bias,
  # all float32. settings: dtype, chunk, block; a block of 0 is the way of a GPU.
  def head(self: __torch__.M,
      hidden: Tensor,
      targets: Tensor,
      learned: Tensor,
      weight: Tensor,
      bias: Tensor,
      settings: Tensor) -> List[Tensor]:
    dtype = int(settings[0])
    chunk = int(settings[1])
    block = int(settings[2])
    if block == 0:
      parts = (self).softmax_head(hidden, targets, learned, weight, bias, dtype, chunk)
    else:
      parts = (self).blockwise_head(hidden, targets, learned, weight, bias, dtype, chunk, block)
    return parts

  # Goes through chunk rows at a time, and in these through block entries of the vocabulary, whose logits should fit the
  # cache, in three products and one pass. Logits are times log2(e), because on a processor exp2 takes half as long as exp,
  # and less the target's own, so that none has to be looked for that is large enough to be taken off. Columns of ones and
  # of what they add make the products do the rest: add the bias and take off the own logit, each in two parts, because
  # dtype may have few digits; sum the exponentials, whose sum in a block is rounded to dtype as each of them is; sum the
  # bias's gradient. A target's own row is exact in float32: it dominates the gradient.
  def blockwise_head(self: __torch__.M,
      hidden: Tensor,
      targets: Tensor,
      learned: Tensor,
      weight: Tensor,
      bias: Tensor,
      dtype: int,
      chunk: int,
      block: int) -> List[Tensor]:
    rows, width, = torch.size(hidden)
    entries = torch.size(weight, 0)
    counted = torch.unsqueeze(learned, 1)
    own = torch.index_select(weight, 0, targets)
    own_logit = torch.add(torch.sum(torch.mul(hidden, own), [1]), torch.index_select(bias, 0, targets))
    x_all = torch.cat([torch.to(torch.mul(hidden, 1.4426950408889634), dtype), torch.ones([rows, 2], dtype=dtype, device=hidden.device), (self).two_parts(torch.mul(own_logit, -1.4426950408889634), dtype)], 1)
    w_all = torch.cat([torch.to(weight, dtype), (self).two_parts(torch.mul(bias, 1.4426950408889634), dtype), torch.ones([entries, 2], dtype=dtype, device=hidden.device)], 1)
    losses = torch.empty([rows], dtype=6, device=hidden.device)
    d_hidden = torch.empty([rows, width], dtype=6, device=hidden.device)
    sums = torch.zeros([width + 1, entries], dtype=6, device=hidden.device)
    chunk = min(chunk, rows)
    p = torch.empty([chunk * entries], dtype=dtype, device=hidden.device)
    first = 0
    while first < rows:
      last = min(first + chunk, rows)
      count = last - first
      x = torch.slice(x_all, 0, first, last)
      largest = annotate(List[Tensor], [])
      mixed = (self).exponentials(x, w_all, largest, p, block)
      if torch.__not__(bool(torch.all(torch.lt(mixed[-1], 1e+30)))):
        # exponentials have no room for logits so far above the own one
        largest = [torch.amax(torch.mm(w_all, torch.t(x)), [0])]
        mixed = (self).exponentials(x, w_all, largest, p, block)
      counts = torch.slice(learned, 0, first, last)
      total_log = torch.log(mixed[-1])
      for above in largest:
        total_log = torch.add(total_log, torch.to(above, 6), alpha=0.6931471805599453)
      torch.copy_(torch.slice(losses, 0, first, last), torch.mul(total_log, counts))
      share = torch.div(counts, mixed[-1])
      torch.copy_(torch.slice(d_hidden, 0, first, last), torch.t(torch.mul(torch.slice(mixed, 0, 0, width), share)))
      shared = torch.t(torch.to(torch.mul(torch.slice(x, 1, 0, width + 1), torch.unsqueeze(share, 1)), dtype))
      for column in range(0, entries, block):
        end = min(column + block, entries)
        p_part = torch.view(torch.slice(p, 0, count * column, count * end), [end - column, count])
        part = torch.slice(sums, 1, column, end)
        if dtype == 6:
          torch.addmm_(part, shared, torch.t(p_part))
        else:
          torch.add_(part, torch.mm(shared, torch.t(p_part)))
      first = last
    torch.addcmul_(d_hidden, own, counted, value=-1)
    d_weight = torch.mul_(torch.contiguous(torch.t(torch.slice(sums, 0, 0, width))), 0.6931471805599453)
    torch.index_add_(d_weight, 0, targets, torch.mul(hidden, counted), alpha=-1)
    d_bias = torch.index_add_(sums[-1], 0, targets, learned, alpha=-1)
    return [losses, d_hidden, d_weight, d_bias]

  # Numbers of dtype, (rows, 2), that add up to float32 numbers (rows)
  def two_parts(self: __torch__.M,
      x: Tensor,
      dtype: int) -> Tensor:
    rounded = torch.to(x, dtype)
    return torch.stack([rounded, torch.to(torch.sub(x, torch.to(rounded, 6)), dtype)], 1)

  # Two to the power of the products of x (rows, columns) with w_all (entries, columns), less the largest (rows) if given,
  # into p, a block of entries after the other, each (entries, rows); returns their products with w_all, (columns, rows),
  # float32.
  def exponentials(self: __torch__.M,
      x: Tensor,
      w_all: Tensor,
      largest: List[Tensor],
      p: Tensor,
      block: int) -> Tensor:
    count = torch.size(x, 0)
    entries = torch.size(w_all, 0)
    products = annotate(List[Tensor], [])
    for column in range(0, entries, block):
      end = min(column + block, entries)
      p_part = torch.view(torch.slice(p, 0, count * column, count * end), [end - column, count])
      w_part = torch.slice(w_all, 0, column, end)
      torch.mm(w_part, torch.t(x), out=p_part)
      for above in largest:
        torch.sub_(p_part, above)
      torch.exp2_(p_part)
      products = torch.append(products, torch.mm(torch.t(w_part), p_part))
    return torch.sum(torch.stack(products), [0], dtype=6)

  # The same for a GPU, where time goes into passes over the logits: five for each chunk of rows, two of them inside a
  # softmax in place. Sums are in one order, so that equal steps give equal bits. A row's log-sum-exp is what softmax
  # took off a logit: off the largest, which costs a pass more, or, in bfloat16, which has room for small probabilities,
  # off the target's, so that there a loss above 87 nats is given as 87. Rows have a column of ones for the bias's
  # gradient, in eight, as tensor cores want them, and are divided by 64, since thousands of them add up to a float16.
  def softmax_head(self: __torch__.M,
      hidden: Tensor,
      targets: Tensor,
      learned: Tensor,
      weight: Tensor,
      bias: Tensor,
      dtype: int,
      chunk: int) -> List[Tensor]:
    rows = torch.size(hidden, 0)
    entries, width, = torch.size(weight)
    counted = torch.unsqueeze(learned, 1)
    columns = torch.unsqueeze(targets, 1)
    own = torch.add(torch.sum(torch.mul(hidden, torch.index_select(weight, 0, targets)), [1]), torch.index_select(bias, 0, targets))
    h = torch.to(hidden, dtype)
    w = torch.to(weight, dtype)
    b = torch.to(bias, dtype)
    ones = torch.cat([counted, torch.zeros([rows, 7], dtype=6, device=hidden.device)], 1)
    inputs = torch.to(torch.div(torch.cat([torch.mul(hidden, counted), ones], 1), 64.), dtype)
    losses = torch.empty([rows], dtype=6, device=hidden.device)
    d_hidden = torch.empty([rows, width], dtype=6, device=hidden.device)
    sums = torch.zeros([entries, width + 8], dtype=6, device=hidden.device)
    chunk = min(chunk, rows)
    buffer = torch.empty([chunk, entries], dtype=dtype, device=hidden.device)
    first = 0
    while first < rows:
      last = min(first + chunk, rows)
      y = torch.slice(buffer, 0, 0, last - first)
      torch.addmm(b, torch.slice(h, 0, first, last), torch.t(w), out=y)
      column = torch.slice(columns, 0, first, last)
      if dtype == 15:
        known = column
      else:
        known = torch.argmax(y, 1, True)
      logit = torch.to(torch.gather(y, 1, known), 6)
      torch._softmax(y, -1, False, out=y)
      log_p = torch.log(torch.clamp_min(torch.to(torch.gather(y, 1, known), 6), 1.1754944e-38))
      log_sum = torch.squeeze(torch.sub(logit, log_p), 1)
      loss = torch.mul(torch.sub(log_sum, torch.slice(own, 0, first, last)), torch.slice(learned, 0, first, last))
      torch.copy_(torch.slice(losses, 0, first, last), loss)
      torch.scatter_(y, 1, column, torch.sub(torch.gather(y, 1, column), 1))
      torch.copy_(torch.slice(d_hidden, 0, first, last), torch.mul(torch.mm(y, w), torch.slice(counted, 0, first, last)))
      torch.add_(sums, torch.mm(torch.t(y), torch.slice(inputs, 0, first, last)))
      first = last
    torch.mul_(sums, 64)
    return [losses, d_hidden, torch.slice(sums, 1, 0, width), torch.select(sums, 1, width)]

  # Adds the gradients of the scaled losses to gradients and head_gradients, those of the weights that have one, of which
  # the head's are apart, and returns the scaled losses of the groups, each the sum over its targets. groups: of each
  # target, 0 to count - 1, or -1 for one that is not learned. cos, sin (length, head_dim). scale: of the losses, and of
  # their gradients. settings: dtype, chunk, block, count, 1 if the backward pass computes a layer again from its residual
  # stream, so that no more is kept (Chen et al. 2016), and workers: parts of the batch, each of which a thread takes by
  # itself, because PyTorch's operators are too small at nano scale to be shared. Sums are in the order of the parts.
  def accumulate(self: __torch__.M,
      ids: Tensor,
      targets: Tensor,
      groups: Tensor,
      weights: List[Tensor],
      gradients: List[Tensor],
      head_gradients: List[Tensor],
      cos: Tensor,
      sin: Tensor,
      scale: Tensor,
      settings: Tensor) -> Tensor:
    workers = int(settings[5])
    torch.set_grad_enabled(False)
    rotation = (self).rotation(cos, sin)
    packed = annotate(List[List[Tensor]], [])
    for layer in range((torch.len(weights) - 5) // 10):
      packed = torch.append(packed, (self).packed(weights, layer, int(settings[0])))
    if workers == 1:
      sums = (self).part(ids, targets, groups, weights, packed, rotation, torch.size(cos, 1), scale, settings)
    else:
      ids_parts = torch.chunk(ids, workers)
      targets_parts = torch.chunk(targets, workers)
      groups_parts = torch.chunk(groups, workers)
      futures = annotate(List[Future[List[Tensor]]], [])
      for i in range(torch.len(ids_parts)):
        futures = torch.append(futures, fork((self).part, ids_parts[i], targets_parts[i], groups_parts[i], weights, packed, rotation, torch.size(cos, 1), scale, settings))
      sums = torch.wait(futures[0])
      for i in range(1, torch.len(futures)):
        torch._foreach_add_(sums, torch.wait(futures[i]))
    own = annotate(List[Tensor], [])
    for i in range(torch.len(weights)):
      if weights[i].requires_grad:
        own = torch.append(own, sums[i + 1])
    # a tied head's gradient is the embedding's, and a GPU adds the tensors of one call side by side
    torch._foreach_add_(gradients, torch.slice(own, 0, -2))
    torch._foreach_add_(head_gradients, torch.slice(own, -2))
    torch.set_grad_enabled(True) # as it is in a call with gradients
    return sums[0]

  # The scaled losses of the groups, and the scaled gradient of each weight, those of layers being packed. Without
  # autograd, which would zero, copy and add for each part that is taken of a tensor.
  def part(self: __torch__.M,
      ids: Tensor,
      targets: Tensor,
      groups: Tensor,
      weights: List[Tensor],
      packed: List[List[Tensor]],
      rotation: Tensor,
      head_dim: int,
      scale: Tensor,
      settings: Tensor) -> List[Tensor]:
    recompute = int(settings[4]) == 1
    x = torch.embedding(weights[0], ids)
    width = torch.size(x, 2)
    layers = torch.len(packed)
    kept = annotate(List[List[Tensor]], [])
    for layer in range(layers):
      made = (self).layer(x, packed[layer], rotation, head_dim)
      x = made[0]
      if recompute:
        kept = torch.append(kept, [made[1]])
      else:
        kept = torch.append(kept, torch.slice(made, 1))
    ln_f_weight, ln_f_bias, lm_head_weight, lm_head_bias, = torch.slice(weights, -4)
    h, mean, deviation, = torch.native_layer_norm(x, [width], ln_f_weight, ln_f_bias, 1e-05)
    group = torch.flatten(groups)
    learned = torch.to(torch.ge(group, 0), 6)
    of_head = (self).head(torch.flatten(h, 0, 1), torch.flatten(targets), learned, lm_head_weight, lm_head_bias, torch.slice(settings, 0, 0, 3))
    numbers = torch.unsqueeze(torch.arange(int(settings[3]), dtype=4, device=h.device), 1)
    losses = torch.sum(torch.mul(torch.eq(numbers, group), of_head[0]), [1])
    d = torch.mul(torch.view_as(of_head[1], h), scale[1])
    d, d_norm, d_norm_bias, = torch.native_layer_norm_backward(d, x, [width], mean, deviation, ln_f_weight, ln_f_bias, [True, True, True])
    gradients = [d_norm, d_norm_bias, torch.mul_(of_head[2], scale[1]), torch.mul_(of_head[3], scale[1])]
    for i in range(layers):
      layer = layers - 1 - i
      if recompute:
        needed = torch.slice((self).layer(kept[layer][0], packed[layer], rotation, head_dim), 1)
      else:
        needed = kept[layer]
      found = (self).layer_gradients(d, packed[layer], needed, rotation)
      d = found[0]
      gradients = torch.add(torch.slice(found, 1), gradients)
      torch.clear(needed)
    embedding = torch.embedding_dense_backward(d, ids, torch.size(weights[0], 0), -1, False)
    return torch.add([torch.mul(losses, scale[0]), embedding], gradients)

  # For tokens at a time: of each layer, one after another, LayerNorm's weight and bias, what the layer's input is
  # multiplied with, (9 width, width), its bias, what makes the output and its bias, as in packed, but made ready for
  # products, and what the input gives in this order: key and query turned by a quarter, value, key, query, MLP. head_dim
  # (1): a head's dimensions.
  def packed_for_tokens(self: __torch__.M,
      weights: List[Tensor],
      head_dim: Tensor) -> List[Tensor]:
    all = annotate(List[Tensor], [])
    width = torch.size(weights[0], 1)
    of_head = int(head_dim)
    odd = of_head % 2
    for layer in range((torch.len(weights) - 5) // 10):
      norm_weight, norm_bias, inputs, inner_bias, outputs, outputs_bias, = (self).packed(weights, layer, 6)
      q, k, v, inner, = torch.split_with_sizes(inputs, [width, width, width, 4 * width])
      kq = torch.cat([k, q])
      heads = torch.view(kq, [-1, of_head, width])
      pairs = torch.stack([torch.neg(torch.slice(heads, 1, 1, None, 2)), torch.slice(heads, 1, 0, of_head - odd, 2)], 2)
      turned = torch.flatten(torch.constant_pad_nd(torch.flatten(pairs, 1, 2), [0, 0, 0, odd]), 0, 1)
      bias = torch.cat([torch.zeros([5 * width], dtype=6, device=q.device), inner_bias])
      all = torch.add(all, [norm_weight, norm_bias, (self).prepared(torch.cat([turned, v, kq, inner])), bias, (self).prepared(outputs), outputs_bias])
    return all

  # What a layer that is packed for tokens makes of the residual stream x (batch, length, width) before its attention,
  # (batch, length, 9 width), with keys and queries rotated. cos, sin (length, 2 width). At nano scale an operator costs
  # more than its arithmetic, and new memory costs more than that: so there are few here, and they work in place.
  def read(self: __torch__.M,
      x: Tensor,
      layers: List[Tensor],
      layer: int,
      cos: Tensor,
      sin: Tensor) -> Tensor:
    at = 6 * layer
    width = torch.size(x, 2)
    normed = torch.layer_norm(x, [width], layers[at], layers[at + 1], 1e-05)
    y = (self).product(normed, layers[at + 2], layers[at + 3])
    kq = torch.slice(y, -1, 3 * width, 5 * width)
    torch.addcmul_(torch.mul_(kq, cos), torch.slice(y, -1, 0, 2 * width), sin)
    return y

  # The residual stream after the layer, from x, from y, what read has made of it, whose queries are q, and from what
  # attention has made of them, (batch, heads, length, head_dim)
  def written(self: __torch__.M,
      x: Tensor,
      y: Tensor,
      q: Tensor,
      mixed: Tensor,
      layers: List[Tensor],
      layer: int) -> Tensor:
    at = 6 * layer
    width = torch.size(x, 2)
    torch.copy_(q, mixed)
    torch.gelu_(torch.slice(y, -1, 5 * width), approximate="tanh")
    return torch.add_((self).product(torch.slice(y, -1, 4 * width), layers[at + 4], layers[at + 5]), x)

  # Draws a token after each row of ids (batch, length) for each row of draws (tokens, batch), numbers in [0, 1), and goes
  # on from what it has drawn. layers: packed for tokens. head: LayerNorm's weight and bias, the head's prepared weight and
  # bias, and of a large head what quantized makes. caches: a layer each, values and keys (batch, positions, 2 width),
  # extended by the tokens seen. padding: empty, or (batch, 1, 1, positions) with -30000 where a row begins later than the
  # longest: attention sees distances between positions alone, so all rows share theirs. cos, sin: (positions, 2 heads,
  # head_dim). sampling: tokens in the caches (0, or length is 1), temperature, top-k, top-p. Returns the ids (tokens,
  # batch), and whether the last logits are numbers: what is none stays in the caches, so that all after it are none.
  def generate(self: __torch__.M,
      ids: Tensor,
      padding: Tensor,
      embedding: Tensor,
      layers: List[Tensor],
      head: List[Tensor],
      caches: List[Tensor],
      cos: Tensor,
      sin: Tensor,
      draws: Tensor,
      sampling: Tensor) -> Tuple[Tensor, Tensor]:
    past = int(sampling[0])
    points = torch.to(draws, ids.device)
    norm_weight, norm_bias, head_weight, head_bias, = torch.slice(head, 0, 4)
    batch, positions, twice, = torch.size(caches[0])
    width = twice // 2
    heads, head_dim, = torch.slice(torch.size(cos), 1)
    heads = heads // 2
    flat_cos = torch.flatten(cos, 1)
    flat_sin = torch.flatten(sin, 1)
    values = annotate(List[Tensor], [])
    keys = annotate(List[Tensor], [])
    for cache in caches:
      parts = torch.view(cache, [batch, positions, 2, heads, head_dim])
      values = torch.append(values, torch.transpose(torch.select(parts, 2, 0), 1, 2))
      keys = torch.append(keys, torch.transpose(torch.select(parts, 2, 1), 1, 2))
    if float(sampling[1]) == 0.:
      wanted = 1
    else:
      wanted = int(sampling[2])
    drawn = annotate(List[Tensor], [])
    unseen = ids
    logits = head_bias
    for i in range(torch.len(draws)):
      length = torch.size(unseen, 1)
      last = past + length
      c = torch.slice(flat_cos, 0, past, last)
      s = torch.slice(flat_sin, 0, past, last)
      x = torch.embedding(embedding, unseen)
      mask = annotate(Optional[Tensor], None)
      if torch.numel(padding) > 0:
        later = (self).later(length, last, x)
        mask = torch.add(torch.slice(padding, 3, 0, last), later)
      causal = torch.__and__(length > 1, torch.numel(padding) == 0)
      for layer in range(torch.len(caches)):
        y = (self).read(x, layers, layer, c, s)
        torch.copy_(torch.slice(caches[layer], 1, past, last), torch.slice(y, -1, 2 * width, 4 * width))
        q = torch.select((self).parts(y, 4, 1, width, head_dim), 0, 0)
        mixed = torch.scaled_dot_product_attention(q, torch.slice(keys[layer], 2, 0, last), torch.slice(values[layer], 2, 0, last), mask, 0., causal)
        x = (self).written(x, y, q, mixed, layers, layer)
      h = torch.layer_norm(torch.select(x, 1, -1), [width], norm_weight, norm_bias, 1e-05)
      few = (self).likeliest(h, head, wanted)
      if torch.len(few) < max(wanted, 1):
        logits = (self).product(h, head_weight, head_bias)
        next = (self).draw(logits, points[i], sampling)
      else:
        logits = torch.addmm(torch.index_select(head_bias, 0, few), h, torch.t(torch.index_select(head[4], 0, few)))
        next = torch.index_select(few, 0, (self).draw(logits, points[i], sampling))
      unseen = torch.unsqueeze(next, 1)
      drawn = torch.append(drawn, next)
      past = last
    return (torch.stack(drawn), torch.all(torch.isfinite(logits)))

  # A large head for one token: weight (entries, width) itself and in 8 bits, entries' scales, which have to be bfloat16,
  # and how far, at most, an entry's logit from these can be off for an h of length 1: by its weights' rounding, and by
  # that of h and of the result to bfloat16, 2^-9 of their size each, twice over to be sure.
  def quantized(self: __torch__.M,
      weight: Tensor) -> List[Tensor]:
    scales = torch.to(torch.clamp_min(torch.div(torch.amax(torch.abs(weight), [1], True), 127.), 1e-30), 15)
    bytes = torch.to(torch.round(torch.div(weight, scales)), 1)
    rounded = torch.mul(bytes, torch.to(scales, 6))
    errors = torch.add(torch.linalg_vector_norm(torch.sub(weight, rounded), 2, [1]), torch.linalg_vector_norm(rounded, 2, [1]), alpha=0.0078125)
    return [weight, bytes, torch.squeeze(scales, 1), errors]

  # Entries of the vocabulary that have among them the wanted likeliest, and need a quarter of the memory's traffic to be
  # found: those whose logit can be as large as the last of the wanted is at least. None where that does not pay, and
  # where logits are no numbers. h (batch, width), head as in generate.
  def likeliest(self: __torch__.M,
      h: Tensor,
      head: List[Tensor],
      wanted: int) -> Tensor:
    few = torch.empty([0], dtype=4, device=h.device)
    if torch.__and__(torch.__and__(torch.len(head) > 4, torch.size(h, 0) == 1), torch.__and__(wanted > 0, wanted <= 256)):
      weight, bytes, scales, errors, = torch.slice(head, 4)
      roughly = torch.add(torch.to(torch._weight_int8pack_mm(torch.to(h, 15), bytes, scales), 6), head[3])
      off = torch.mul(errors, torch.linalg_vector_norm(h))
      sure = torch.sub(roughly, off)
      if wanted == 1:
        least = torch.amax(sure)
      else:
        least = torch.amin(torch.topk(sure, wanted)[0])
      # float32 rounds too
      least = torch.sub(least, torch.abs(least), alpha=1e-06)
      few = torch.select(torch.nonzero(torch.ge(torch.add(roughly, off), least)), 1, 1)
    return few

  # The ids that numbers in [0, 1), (batch), draw from logits (batch, entries); sampling as in generate. On a
  # processor the likeliest few thousand are found in a fraction of the time that sorting all takes, and are mostly enough
  # for top-p; a GPU would have to wait to be asked.
  def draw(self: __torch__.M,
      logits: Tensor,
      points: Tensor,
      sampling: Tensor) -> Tensor:
    temperature = float(sampling[1])
    top_k = int(sampling[2])
    top_p = float(sampling[3])
    entries = torch.size(logits, 1)
    if temperature == 0.:
      most, ids = torch.max(logits, 1) # in half of argmax's time
    elif torch.__and__(top_k == 0, top_p == 1.):
      sums = torch.cumsum(torch.softmax(torch.div(torch.to(logits, 7), temperature), 1), 1)
      ids = torch.squeeze((self).place(sums, points), 1)
    else:
      if top_k == 0:
        all = torch.softmax(torch.div(torch.to(logits, 7), temperature), 1)
        kept = entries
        if torch.__not__(logits.is_cuda):
          kept = min(4096, entries)
        p, order, = torch.topk(all, kept)
        if kept < entries:
          if bool(torch.any(torch.lt(torch.sum(p, [1]), top_p))):
            p, order, = torch.topk(all, entries)
      else:
        largest, order = torch.topk(logits, min(top_k, entries))
        p = torch.softmax(torch.div(torch.to(largest, 7), temperature), 1)
      enough = torch.lt(torch.sub(torch.cumsum(p, 1), p), top_p)
      sums = torch.cumsum(torch.mul(p, enough), 1)
      ids = torch.squeeze(torch.gather(order, 1, (self).place(sums, points)), 1)
    return ids

  # Where shares (batch) of the sums' ends fall among the sums (batch, kept): (batch, 1)
  def place(self: __torch__.M,
      sums: Tensor,
      shares: Tensor) -> Tensor:
    wanted = torch.mul(torch.slice(sums, 1, -1), torch.unsqueeze(shares, 1))
    return torch.clamp_max(torch.searchsorted(sums, wanted, right=True), torch.size(sums, 1) - 1)

  # What the model says of targets (rows) at rows of the flattened ids (batch, length): their log-probability (rows), the
  # likeliest token's (rows), and the top likeliest tokens with theirs (rows, top), if top is not 0. Float32. Of these four
  # a list, whose parts are computed side by side, and of which the results come together. places: empty, or (2, batch,
  # length), where several sequences share a row: a token's position, and its owner; a token sees its owner's and those of
  # owner 0 as far as they are before it. asked: empty, or (batch, some) of the flattened ids, after which alone the last
  # layer's output is made; then rows are of flattened asked. embedding, layers, head as in generate; cos and sin
  # (positions, 2 heads, head_dim). settings: chunk, top. The logits of chunk rows of each part are in memory at once.
  def score(self: __torch__.M,
      ids: List[Tensor],
      places: List[Tensor],
      asked: List[Tensor],
      rows: List[Tensor],
      targets: List[Tensor],
      embedding: Tensor,
      layers: List[Tensor],
      head: List[Tensor],
      cos: Tensor,
      sin: Tensor,
      settings: Tensor) -> List[Tensor]:
    if torch.len(ids) == 1:
      results = (self).score_part(ids[0], places[0], asked[0], rows[0], targets[0], embedding, layers, head, cos, sin, settings)
    else:
      futures = annotate(List[Future[List[Tensor]]], [])
      for i in range(torch.len(ids)):
        futures = torch.append(futures, fork((self).score_part, ids[i], places[i], asked[i], rows[i], targets[i], embedding, layers, head, cos, sin, settings))
      parts = annotate(List[List[Tensor]], [])
      for i in range(torch.len(futures)):
        parts = torch.append(parts, torch.wait(futures[i]))
      results = annotate(List[Tensor], [])
      for i in range(4):
        same = annotate(List[Tensor], [])
        for part in parts:
          same = torch.append(same, part[i])
        results = torch.append(results, torch.cat(same))
    return results

  def score_part(self: __torch__.M,
      ids: Tensor,
      places: Tensor,
      asked: Tensor,
      rows: Tensor,
      targets: Tensor,
      embedding: Tensor,
      layers: List[Tensor],
      head: List[Tensor],
      cos: Tensor,
      sin: Tensor,
      settings: Tensor) -> List[Tensor]:
    chunk = int(settings[0])
    top = int(settings[1])
    length = torch.size(ids, 1)
    c = torch.flatten(cos, 1)
    s = torch.flatten(sin, 1)
    head_dim = torch.size(cos, 2)
    x = torch.embedding(embedding, ids)
    mask = annotate(Optional[Tensor], None)
    causal = torch.numel(places) == 0
    if causal:
      c = torch.slice(c, 0, 0, length)
      s = torch.slice(s, 0, 0, length)
    else:
      positions, owners, = torch.unbind(places)
      c = torch.embedding(c, positions)
      s = torch.embedding(s, positions)
      seen = torch.unsqueeze(owners, 1)
      hidden = torch.logical_not(torch.logical_or(torch.eq(seen, 0), torch.eq(seen, torch.unsqueeze(owners, 2))))
      later = (self).later(length, length, x)
      mask = torch.unsqueeze(torch.masked_fill(later, hidden, -30000.), 1)
    last_layer = torch.len(layers) // 6 - 1
    for layer in range(last_layer + 1):
      y = (self).read(x, layers, layer, c, s)
      v, k, q, = torch.unbind((self).parts(y, 2, 3, torch.size(x, 2), head_dim))
      if torch.__and__(layer == last_layer, torch.numel(asked) > 0):
        x = torch.embedding(torch.flatten(x, 0, 1), asked)
        y = torch.embedding(torch.flatten(y, 0, 1), asked)
        q = torch.select((self).parts(y, 4, 1, torch.size(x, 2), head_dim), 0, 0)
        if causal:
          mask = torch.unsqueeze(torch.embedding((self).later(length, length, x), torch.remainder(asked, length)), 1)
          causal = False
        else:
          mask = torch.unsqueeze(torch.embedding(torch.flatten(unchecked_cast(Tensor, mask), 0, 2), asked), 1)
      mixed = torch.scaled_dot_product_attention(q, k, v, mask, 0., causal)
      x = (self).written(x, y, q, mixed, layers, layer)
    norm_weight, norm_bias, weight, bias, = torch.slice(head, 0, 4)
    h = torch.layer_norm(torch.index_select(torch.flatten(x, 0, 1), 0, rows), [torch.size(x, 2)], norm_weight, norm_bias, 1e-05)
    count = torch.size(h, 0)
    own = torch.empty([count, 1], dtype=6, device=h.device)
    best = torch.empty([count, 1], dtype=6, device=h.device)
    top_ids = torch.empty([count, top], dtype=4, device=h.device)
    top_values = torch.empty([count, top], dtype=6, device=h.device)
    first = 0
    while first < count:
      last = min(first + chunk, count)
      p = torch.log_softmax((self).product(torch.slice(h, 0, first, last), weight, bias), -1)
      torch.copy_(torch.slice(own, 0, first, last), torch.gather(p, 1, torch.unsqueeze(torch.slice(targets, 0, first, last), 1)))
      torch.copy_(torch.slice(best, 0, first, last), torch.amax(p, [1], True))
      if top > 0:
        values, indices, = torch.topk(p, top)
        torch.copy_(torch.slice(top_values, 0, first, last), values)
        torch.copy_(torch.slice(top_ids, 0, first, last), indices)
      first = last
    return [own, best, top_ids, top_values]

  # limits: the largest norm, and the loss scale. Returns the gradients' global L2 norm without the loss scale (NaN if one
  # of the losses is not a number), what to divide the gradients by so that it is at most the largest, and 1 where it is
  # not a number, else 0.
  def clip(self: __torch__.M,
      gradients: List[Tensor],
      losses: Tensor,
      limits: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    loss_scale = float(limits[1])
    norm = torch.div(torch.linalg_vector_norm(torch.stack(torch._foreach_norm(gradients))), loss_scale)
    norm = torch.add(norm, torch.mul(torch.sum(losses), 0.))
    divisor = torch.mul(torch.clamp_min(torch.div(torch.add(norm, 1e-06), float(limits[0])), 1.), loss_scale)
    return (norm, divisor, torch.to(torch.logical_not(torch.isfinite(norm)), 6))

  # One AdamW step of a group of parameters with what clip returned, left out where the norm is not a number; counts the
  # steps and zeroes the gradients. Nothing here waits for the device. The lists must be arguments: of lists built here,
  # the interpreter would take the update for dead code.
  def adamw(self: __torch__.M,
      parameters: List[Tensor],
      gradients: List[Tensor],
      means: List[Tensor],
      squares: List[Tensor],
      steps: List[Tensor],
      divisor: Tensor,
      left_out: Tensor,
      settings: Tensor) -> Tensor:
    torch._foreach_add_(steps, torch.rsub(left_out, 1))
    torch._fused_adamw_(parameters, gradients, means, squares, [], steps, lr=float(settings[0]), beta1=float(settings[1]), beta2=float(settings[2]), weight_decay=float(settings[3]), eps=float(settings[4]), amsgrad=False, maximize=False, grad_scale=divisor, found_inf=left_out)
    torch._foreach_zero_(gradients)
    return settings
