"""Writes the files of Tests/Fixtures/checkpoints with PyTorch and NumPy.

    python make_checkpoints.py      # torch 2.15.0, numpy 2.4.6
"""

import argparse
import collections
import io
import pathlib
import pickle

import numpy as np
import torch

folder = pathlib.Path(__file__).parent / "checkpoints"
folder.mkdir(exist_ok=True)


def ramp(*shape):
    return torch.arange(1, 1 + torch.Size(shape).numel(), dtype=torch.float32).reshape(shape) / 8


base = ramp(4, 6)
state = collections.OrderedDict(
    [
        ("cls_token", ramp(1, 1, 3)),
        ("blocks.0.weight", ramp(2, 3)),
        ("half", ramp(5).half()),
        ("brain", ramp(5).bfloat16()),
        ("double", ramp(5).double()),
        ("long", torch.tensor([-3, 7])),
        ("flags", torch.tensor([True, False])),
        # Views of one storage: a transposed one, one with an offset, and a scalar.
        ("transposed", base.t()),
        ("inside", base[1:3, 2:5]),
        ("scalar", base[2, 3]),
        ("empty", torch.zeros(0, 4)),
        ("parameter", torch.nn.Parameter(ramp(2))),
    ]
)
state["blocks.0.weight"] = state["blocks.0.weight"]
training = {
    "model": state,
    "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3}]},
    "epoch": 7,
    "args": argparse.Namespace(lr=0.1, name="deit", path=None),
    "best": np.float64(0.5),
}
torch.save(state, folder / "state.pth")
torch.save(training, folder / "training.pth")
torch.save(training, folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"v": ramp(3)}, folder / "protocol4.pth", pickle_protocol=4)
float8 = torch.tensor([0.0, 1.0, -1.5, 448.0, 2.0**-9]).to(torch.float8_e4m3fn)
torch.save({"e4m3": float8, "e5m2": ramp(4).to(torch.float8_e5m2)}, folder / "float8.pth")


class Harmful:
    """A malicious pickle: unpickling it in Python runs a command."""

    def __reduce__(self):
        import os

        return os.system, ("true",)


torch.save({"weight": ramp(2), "extra": Harmful()}, folder / "harmful.pth")

arrays = {
    "embedding/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "half": np.arange(5, dtype=np.float16) / 4,
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    "scalar": np.float32(2.5),
    "integers": np.array([-1, 2], dtype=np.int16),
}
np.savez(folder / "arrays.npz", **arrays)
np.savez_compressed(folder / "compressed.npz", **arrays)
np.savez(folder / "text.npz", name=np.array(["a", "b"]))
