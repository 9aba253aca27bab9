"""The programs that `peers.py` times: each returns the milliseconds of single forward passes on one batch, with random weights.

A contender is opened for one cell (model, batch size, threads) and then visited repeatedly for samples; each visit begins with one
untimed pass, because another program has just used the caches. Inputs are seeded noise; every program's output is read.
"""

import copy
import functools
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch


class Failed(Exception):
    """A program that could not be timed; the other programs and cells are still measured."""


@dataclass(frozen=True)
class Cell:
    """What is timed: a timm name, the batch size, the number of threads."""

    model: str
    batch: int
    threads: int

    def __str__(self):
        return f"{self.model}, batch {self.batch}, {self.threads} thread{'s' if self.threads > 1 else ''}"


def timed(run, seconds, least):
    """Milliseconds of each call of `run`, for `seconds` and at least `least` calls, after one untimed call."""
    run()
    samples, start = [], time.perf_counter()
    while len(samples) < least or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        samples.append((time.perf_counter() - begin) * 1e3)
    return samples


def timm_model(name, seed):
    import timm

    torch.manual_seed(seed)
    if name.startswith("reduceformer"):
        return reduceformer(name)
    return timm.create_model(name, pretrained=False).eval()


def reduceformer(name):
    """timm's EfficientViT-B of the same size with ReduceFormer's attention."""
    import timm
    from timm.models.efficientvit_mit import LiteMLA

    size, _, side = name.removeprefix("reduceformer_").partition(".r")
    model = timm.create_model(f"efficientvit_{size}" + (f".r{side}_in1k" if side else ""), pretrained=False)
    for module in model.modules():
        if isinstance(module, LiteMLA):
            module.aggreg[0] = torch.nn.Sequential(module.aggreg[0][0])
            module.forward = functools.partial(reduced_attention, module)
    return model.eval()


def reduced_attention(self, x):
    """The forward method of timm's `LiteMLA` for ReduceFormer's attention, as lab interprets the poster."""
    batch, _, height, width = x.shape
    fine = self.qkv(x)
    scales = torch.cat([fine, self.aggreg[0](fine)], 1).reshape(batch, -1, 3, self.dim, height * width)
    q, k, v = torch.relu(scales[:, :, 0]), torch.relu(scales[:, :, 1]), scales[:, :, 2]
    values, keys = (k * v).sum(-1, keepdim=True), k.sum(-1, keepdim=True)
    out = q * values / (q * keys).sum(2, keepdim=True).clamp(min=1e-15)
    return self.proj(out.reshape(batch, -1, height, width))


def side_of(model):
    """The image size of a timm model, in pixels per side."""
    embedding = getattr(model, "patch_embed", None)
    return embedding.img_size[0] if hasattr(embedding, "img_size") else model.pretrained_cfg["input_size"][1]


def images(cell, model, seed):
    side = side_of(model)
    return torch.randn(cell.batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


class Eager:
    """PyTorch with its defaults: `torch.set_num_threads`, inference mode, fused attention; a method wraps the model."""

    def __init__(self, cell, model, seed, dtype=torch.float32):
        self.cell, self.model = cell, model if dtype == torch.float32 else copy.deepcopy(model).to(dtype)
        self.input = images(cell, model.model if hasattr(model, "model") else model, seed).to(dtype)

    def visit(self, seconds, least):
        torch.set_num_threads(self.cell.threads)
        with torch.inference_mode():
            return timed(lambda: self.model(self.input), seconds, least)


class Compiled(Eager):
    """`torch.compile` with its defaults; compilation is not timed."""

    def __init__(self, cell, model, seed):
        torch.set_num_threads(cell.threads)
        super().__init__(cell, model, seed)
        self.model = torch.compile(model, dynamic=False)
        self.visit(0, 2)


def export(model, batch, side, path):
    """The model as ONNX with a fixed batch size, which ONNX programs optimize best."""
    torch.onnx.export(
        model, (torch.zeros(batch, 3, side, side),), str(path), dynamo=True, external_data=False, verbose=False,
        input_names=["images"], output_names=["logits"])


def exported(cell, model, folder):
    """The model's ONNX file of a cell's batch in `folder`, exported if it does not exist yet."""
    path = Path(folder) / f"{cell.model}-{cell.batch}.onnx"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        export(model, cell.batch, side_of(model), unfinished)
        unfinished.rename(path)
    return path


class OnnxRuntime:
    """ONNX Runtime's CPU provider, with all graph optimizations and `intra_op_num_threads`."""

    def __init__(self, cell, path, side):
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cell.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = numpy.random.default_rng(0).standard_normal((cell.batch, 3, side, side), numpy.float32)

    def visit(self, seconds, least):
        return timed(lambda: self.session.run(None, {"images": self.input}), seconds, least)


class OpenVINO:
    """OpenVINO with its latency hint, at one precision.

    float32 has to be asked for, since it takes bfloat16 where the processor has it; int8 is what its own post-training quantization
    (nncf, for a transformer) made of the model, the rest in bfloat16 where the processor has it, as by default.
    """

    HINTS = {"float32": {"INFERENCE_PRECISION_HINT": "f32"}, "bfloat16": {"INFERENCE_PRECISION_HINT": "bf16"}, "int8": {}}

    def __init__(self, cell, path, side, precision="float32"):
        import numpy
        import openvino

        core = openvino.Core()
        model = quantized(path, side, cell.batch) if precision == "int8" else path
        self.request = core.compile_model(
            str(model), "CPU",
            {**self.HINTS[precision], "INFERENCE_NUM_THREADS": cell.threads, "PERFORMANCE_HINT": "LATENCY",
             "CACHE_DIR": str(path.parent / "openvino")},
        ).create_infer_request()
        self.input = numpy.random.default_rng(0).standard_normal((cell.batch, 3, side, side), numpy.float32)

    def visit(self, seconds, least):
        return timed(lambda: self.request.infer([self.input], share_inputs=True), seconds, least)


class TVM:
    """TVM's CPU code generation after its automatic search, which has so many minutes per model, batch size and number of threads."""

    def __init__(self, cell, path, side, minutes):
        import numpy

        # TVM would bind this process to as many cores as it has threads, and so the other programs too.
        os.environ["TVM_BIND_THREADS"] = "0"
        import tvm
        import tvm_search

        folder = path.parent / "tvm" / f"{path.stem}-{cell.threads}"
        try:
            executable, self.note = tvm_search.searched(path, folder, cell.threads, minutes)
        except tvm_search.SearchEnded as error:
            raise Failed(str(error)) from error
        print(f"TVM, {cell}: {self.note}", file=sys.stderr, flush=True)
        tvm.get_global_func("runtime.config_threadpool")(1, cell.threads)
        self.machine = tvm.relax.VirtualMachine(executable, tvm.cpu())
        self.input = tvm.runtime.tensor(
            numpy.random.default_rng(0).standard_normal((cell.batch, 3, side, side), numpy.float32))

    def visit(self, seconds, least):
        return timed(lambda: self.machine["main"](self.input), seconds, least)


def quantized(path, side, batch):
    """The model as nncf quantizes it after training, kept next to the ONNX file; it is calibrated on noise, because only time is measured."""
    import nncf
    import numpy
    import openvino

    kept = path.with_suffix(".int8.xml")
    if not kept.exists():
        nncf.set_log_level(40)
        random = numpy.random.default_rng(0)
        pictures = [random.standard_normal((batch, 3, side, side), numpy.float32) for _ in range(8)]
        model = nncf.quantize(
            openvino.Core().read_model(str(path)), nncf.Dataset(pictures), model_type=nncf.ModelType.TRANSFORMER, subset_size=8)
        openvino.save_model(model, str(kept))
    return kept


class Lab:
    """`lab run` on a generated spec, one process per visit, with its methods interleaved; the samples are read from its records."""

    def __init__(self, cell, command, methods=({"method": "none"},), precision="float32", engine="packed"):
        self.cell, self.command, self.methods = cell, command, list(methods)
        self.precision, self.engine = precision, engine
        self.environment = {}

    def visit(self, seconds, least):
        return self.results(seconds, least)[0]["samples_ms"]

    def spec(self, seconds, least):
        """The spec for `lab run`."""
        return {
            "name": "peers", "model": {"name": self.cell.model, "weights": "random"}, "device": "cpu",
            "threads": self.cell.threads, "batch_size": self.cell.batch, "accuracy": False,
            "precision": self.precision, "engine": self.engine,
            "latency": {"warmup": 1, "min_seconds": seconds, "min_samples": least}, "methods": self.methods}

    def results(self, seconds, least):
        """The records' results, in the order of the methods."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "peers.json"
            path.write_text(json.dumps(self.spec(seconds, least)))
            done = subprocess.run(
                [*self.command, "run", str(path), "--results", folder], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Failed(f"{' '.join(self.command)} run: exit code {done.returncode}: {done.stderr.strip()}")
            lines = [json.loads(line) for file in (Path(folder) / "peers").glob("*.jsonl") for line in file.open()]
        self.environment = lines[0]["environment"]
        return [self.result(lines, method) for method in self.methods]

    @staticmethod
    def result(lines, method):
        """The record whose parameters contain the requested ones."""
        asked = {key: value for key, value in method.items() if key != "method"}
        for line in lines:
            found = line["trial"]["method"]
            if found["name"] == method["method"] and asked.items() <= found["parameters"].items():
                return line["result"]
        raise Failed(f"lab wrote no record of {method}")


def is_installed(name):
    return importlib.util.find_spec(name) is not None


def peers(cell, names, seed, folder, precisions=("float32",), search_minutes=5):
    """The peers of `names` that can be imported, opened for a cell: maps (name, precision) to a contender; `search_minutes` are TVM's."""
    if not names:
        return {}
    model = timm_model(cell.model, seed)
    side = side_of(model)
    opened = {}
    if "pytorch" in names:
        for precision in set(precisions) & {"float32", "bfloat16"}:
            opened["pytorch", precision] = Eager(cell, model, seed, getattr(torch, precision))
    if "compiled" in names and "float32" in precisions:
        opened["compiled", "float32"] = Compiled(cell, model, seed)
    graph = [name for name in ("onnxruntime", "openvino", "tvm") if name in names and is_installed(name)]
    if graph and is_installed("onnx") and is_installed("onnxscript"):
        path = exported(cell, model, folder)
        if "onnxruntime" in graph and "float32" in precisions:
            opened["onnxruntime", "float32"] = OnnxRuntime(cell, path, side)
        for precision in precisions if "openvino" in graph else ():
            if precision != "int8" or is_installed("nncf"):
                opened["openvino", precision] = OpenVINO(cell, path, side, precision)
        if "tvm" in graph and "float32" in precisions:
            opened["tvm", "float32"] = TVM(cell, path, side, search_minutes)
    return opened


def versions(names):
    """The name and version of every peer that ran."""
    packages = {"pytorch": "torch", "compiled": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "tvm": "tvm"}
    return {name: getattr(__import__(packages[name]), "__version__", "").split("-")[0] for name in names}


def processor():
    """The name of the CPU and how many of its threads this process may use."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {len(os.sched_getaffinity(0))} cores"
    return f"{os.cpu_count()} cores"
