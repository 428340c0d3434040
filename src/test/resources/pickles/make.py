"""How the files beside this one were made, with PyTorch 2.14.1: python make.py in this folder."""

import collections
import os

import torch

tensors = collections.OrderedDict()
tensors["float32"] = torch.arange(6.0).reshape(2, 3) - 2.5
tensors["bfloat16"] = (torch.arange(4.0) * 1.5).bfloat16()
tensors["float16"] = (torch.arange(4.0) / 3).half()
tensors["float64"] = torch.arange(3.0).double() / 3
tensors["mask"] = torch.tril(torch.ones(3, 3, dtype=torch.bool))
tensors["scalar"] = torch.tensor(-1e9)
tensors["transposed"] = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
tensors["slice"] = torch.arange(20.0)[5:15:3]
tensors["expanded"] = torch.tensor([7.0]).expand(3, 2)
tensors["parameter"] = torch.nn.Parameter(torch.ones(2, 2))
tensors["empty"] = torch.zeros(0, 4)
tensors["ids"] = torch.tensor([2**40, -3])
torch.save(tensors, "tensors.bin")
torch.save({"w": torch.ones(2)}, "protocol4.bin", pickle_protocol=4)

# What is set on a parameter or a tensor is pickled with it, and tied weights are one storage, or one tensor.
parameter = torch.nn.Parameter(torch.arange(3.0))
parameter.partition, parameter.names, parameter.kind, parameter.was = 0, {"a": (0, 1)}, torch.float32, torch.Size([3])
tensor = torch.arange(3.0)[1:]
tensor.tag = "x"
torch.save(collections.OrderedDict(parameter=parameter, again=parameter, tensor=tensor, tied=tensor[:1]), "state.bin")
linear = torch.nn.Linear(2, 2)
torch.save(linear.state_dict(), "metadata.bin")


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


# All of these are to be refused.
torch.save({"w": torch.ones(2)}, "legacy.bin", _use_new_zipfile_serialization=False)
torch.save({"model": {"w": torch.ones(2)}, "step": 3}, "checkpoint.bin")
torch.save({"w": torch.ones(2), "x": Call(os.system, ("touch hacked",))}, "system.bin")
torch.save({"w": Call(eval, ("1+1",))}, "eval.bin")
torch.save(torch.nn.Linear(2, 2), "module.bin")
torch.save({"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, "quantized.bin")
torch.save({"w": torch.ones(3).to_sparse()}, "sparse.bin")
torch.save([torch.ones(2)], "list.bin")
torch.save({"w": torch.ones(2).to(torch.float8_e4m3fn)}, "float8.bin")
torch.save({"w": torch.ones(2, dtype=torch.complex64)}, "complex.bin")
torch.save({"w": torch.ones(2, device="meta")}, "meta.bin")
torch.save({"w": torch._neg_view(torch.ones(2))}, "negative.bin")
torch.save(torch.ones(2), "tensor.bin")
torch.save(torch.optim.AdamW(linear.parameters()).state_dict(), "optimizer.bin")
torch.jit.save(torch.jit.script(linear), "script.bin")
