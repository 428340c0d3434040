
  # A matrix (outputs, inputs) as products of few rows read it fastest: a large one in oneDNN's own blocks, which make a
  # product of 16 rows up to three times as fast
  def prepared(self: __torch__.M,
      weight: Tensor) -> Tensor:
    if torch.__or__(weight.is_cuda, torch.numel(weight) < 262144):
      prepared = torch.t(torch.contiguous(torch.t(weight)))
    else:
      prepared = ops.mkldnn._reorder_linear_weight(torch.contiguous(weight), 16)
    return prepared

  def product(self: __torch__.M,
      x: Tensor,
      prepared: Tensor,
      bias: Tensor) -> Tensor:
    if prepared.is_mkldnn:
      y = ops.mkldnn._linear_pointwise(x, prepared, bias, "none", annotate(List[Optional[number]], []), None)
    else:
      y = torch.linear(x, prepared, bias)
    return y
