"""Latency of lab on an NVIDIA GPU beside PyTorch eager and compiled (max-autotune, CUDA graphs), the same card and precision.

    python3 Benchmarks/cuda.py --lab ./lab --out gpu-check/cuda.md            # some minutes
    python3 Benchmarks/cuda.py --models deit_small_patch16_224 --batch-sizes 1 --precisions float16 --no-compiled

In each round every program of a cell (model, batch, precision) is visited in seeded random order; PyTorch is timed by CUDA events around a pass
whose images are on the card, as lab is. The ratio is the median of the rounds' ratios with the smallest and the largest: below 1, lab is faster.
A second table gives lab's methods against its own unpruned pass, with the share of multiply-adds that each removes. Random weights.

Needs torch with CUDA, and timm.
"""

import argparse
import random
import shlex
import statistics
import sys
from pathlib import Path

import torch

import contenders
from contenders import Cell, Lab

DTYPES = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
METHODS = ({"method": "none"}, {"method": "tail_effect", "r": 98, "layer": 3}, {"method": "evit", "keep_rate": 0.7},
           {"method": "tome", "r": 8}, {"method": "topk", "r": 8})


class CudaLab(Lab):
    """`lab run` on the card at one precision."""

    def __init__(self, cell, command, precision, device, methods=({"method": "none"},)):
        super().__init__(cell, command, methods)
        self.extra = {"device": device, "precision": precision}

    def spec(self, seconds, least):
        spec = super().spec(seconds, least) | self.extra
        del spec["threads"]
        return spec


class Torch:
    """PyTorch, timed by events of the card."""

    def __init__(self, cell, precision, seed, compiled):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        self.precision = precision
        model = contenders.timm_model(cell.model, seed)
        side = model.patch_embed.img_size[0]
        self.model = model.to("cuda", DTYPES[precision])
        self.input = torch.randn(cell.batch, 3, side, side, device="cuda", dtype=DTYPES[precision])
        if compiled:
            self.model = torch.compile(self.model, mode="max-autotune", dynamic=False)
        for _ in range(5):
            self.run()
        torch.cuda.synchronize()

    def run(self):
        with torch.inference_mode():
            return self.model(self.input)

    def visit(self, seconds, least):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.precision == "tf32"
        samples, total = [], 0.0
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.run()
        while len(samples) < least or total < seconds * 1e3:
            start.record()
            self.run()
            end.record()
            end.synchronize()
            samples.append(start.elapsed_time(end))
            total += samples[-1]
        return samples


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["deit_small_patch16_224", "deit_base_patch16_224"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 8, 256])
    parser.add_argument("--precisions", nargs="+", choices=list(DTYPES), default=["float32", "float16"])
    parser.add_argument("--no-compiled", action="store_true", help="without PyTorch compiled, which takes a minute a cell")
    parser.add_argument("--lab", default=".build/release/lab")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a visit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="a file.md to write")
    return parser.parse_args()


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def compare(options, cell, precision, order):
    opened = {"lab": CudaLab(cell, shlex.split(options.lab), precision, options.device),
              "PyTorch eager": Torch(cell, precision, options.seed, False)}
    if not options.no_compiled:
        opened["PyTorch compiled"] = Torch(cell, precision, options.seed, True)
    rounds = {name: [] for name in opened}
    for _ in range(options.rounds):
        for name in order.sample(list(opened), len(opened)):
            rounds[name].append(statistics.median(opened[name].visit(options.seconds, 20)))
    for name, medians in rounds.items():
        ratios = [ours / theirs for ours, theirs in zip(rounds["lab"], medians)]
        yield [cell.model, cell.batch, precision, name, f"{statistics.median(medians):.3f}",
               "" if name == "lab" else spread(ratios)]


def methods(options, cell, precision):
    found = CudaLab(cell, shlex.split(options.lab), precision, options.device, METHODS).results(options.seconds, 30)
    base, macs = statistics.median(found[0]["samples_ms"]), found[0]["cost"]["macs"]
    for method, result in zip(METHODS, found):
        time = statistics.median(result["samples_ms"])
        yield [cell.model, cell.batch, precision, " ".join(str(value) for value in method.values()), f"{time:.3f}",
               f"{time / base:.3f}", f"{result['cost']['macs'] / macs:.3f}"]


def markdown(header, rows):
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in [header, ["---"] * len(header), *rows])


def main():
    options = arguments()
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no CUDA device")
    order = random.Random(options.seed)
    peers, pruned = [], []
    for model in options.models:
        for batch in options.batch_sizes:
            for precision in options.precisions:
                cell = Cell(model, batch, 0)
                print(f"{model}, batch {batch}, {precision}", file=sys.stderr, flush=True)
                peers += compare(options, cell, precision, order)
                pruned += methods(options, cell, precision)
                torch._dynamo.reset()
                torch.cuda.empty_cache()
    text = "\n".join([
        f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {options.rounds} interleaved rounds", "",
        markdown(["model", "batch", "precision", "program", "median ms", "lab / program"], peers), "",
        markdown(["model", "batch", "precision", "method", "median ms", "time / none", "MACs / none"], pruned), ""])
    print(text)
    if options.out:
        Path(options.out).write_text(text)


if __name__ == "__main__":
    main()
