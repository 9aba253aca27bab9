"""Latency of lab on an NVIDIA GPU compared with PyTorch and the published pruning code on the same GPU and at the same precision, and which targets are met.

    python3 Benchmarks/gpu_peers.py --lab ./lab --out gpu-check/cuda.md --state gpu-check/cuda.json --budget 500
    python3 Benchmarks/gpu_peers.py --device cpu --models deit_tiny_patch16_224 --cells 1:float32 --lab .build/release/lab     # tries the script itself

Cells (model, batch size, precision) are measured in the order of the targets. In each, lab, PyTorch eager and compiled (max-autotune, which uses CUDA graphs),
and the published tail-effect pruning (`pruning.py`) eager and compiled are visited in seeded random order, round after round. PyTorch is timed, like lab, by CUDA
events around a pass whose images are on the GPU: what a user waits for, including the launch by the host. "Card only" is the time per pass of many passes queued
back to back between two events, in the same way for all programs. A ratio is the median of the rounds' ratios, with the smallest and the largest; below 1, lab
is faster. After that, lab's methods, interleaved in one run, are compared with its own unpruned pass. The cost of the reduction step is measured with a pass that
removes one token, which computes nearly as much as the unpruned one. Weights are random.

When the time budget is used up, what is left is listed; with --state, the same command continues with it.

Needs torch and timm.
"""

import argparse
import json
import random
import shlex
import statistics
import sys
import time
from pathlib import Path

import torch

import contenders
from contenders import Cell, Lab
from pruning import Pruned

DTYPES = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
CELLS = ("1:float16", "256:float16", "8:float16", "1:float32", "256:bfloat16", "8:float32")
SMALL = "deit_small_patch16_224"
# The published layer: 25 % of twelve blocks. Half of the tokens go.
LAYER, REMOVED = 3, 98
TAIL = tuple({"method": "tail_effect", "r": r, "layer": LAYER} for r in (1, 49, 82, REMOVED, 123, 147))
METHODS = ({"method": "none"}, *TAIL, {"method": "evit", "keep_rate": 0.7}, {"method": "tome", "r": 8}, {"method": "topk", "r": 8})
EAGER, COMPILED = "PyTorch eager", "PyTorch compiled"
PRUNED, PRUNED_COMPILED = "published pruning eager", "published pruning compiled"
# lab's own method that a contender is compared with.
OURS = {EAGER: "lab", COMPILED: "lab", PRUNED: "lab tail_effect", PRUNED_COMPILED: "lab tail_effect"}


class DeviceLab(Lab):
    """`lab run` on a device at one precision."""

    def __init__(self, cell, options, precision, methods):
        super().__init__(cell, shlex.split(options.lab), methods)
        self.extra = {"device": options.device, "precision": precision}

    def spec(self, seconds, least):
        spec = super().spec(seconds, least) | self.extra
        if self.extra["device"] != "cpu":
            del spec["threads"]
        return spec


def set_tf32(precision):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


class Torch:
    """PyTorch, timed by CUDA events, or by the clock on a CPU."""

    def __init__(self, cell, options, precision, compiled, pruned):
        set_tf32(precision)
        self.precision, self.is_card = precision, options.device != "cpu"
        device = "cuda" if self.is_card else "cpu"
        if not self.is_card:
            torch.set_num_threads(cell.threads)
        model = contenders.timm_model(cell.model, options.seed)
        side = model.default_cfg["input_size"][-1]
        if pruned:
            model = Pruned(model, "tail_effect", REMOVED, LAYER).eval()
        self.model = model.to(device, DTYPES[precision])
        self.input = torch.randn(cell.batch, 3, side, side, device=device, dtype=DTYPES[precision])
        if compiled:
            self.model = torch.compile(self.model, dynamic=False, **({"mode": "max-autotune"} if self.is_card else {}))
        for _ in range(5 if self.is_card else 2):
            self.run()
        if self.is_card:
            torch.cuda.synchronize()

    def run(self):
        with torch.inference_mode():
            return self.model(self.input)

    def visit(self, seconds, least):
        if not self.is_card:
            return contenders.timed(self.run, seconds, least)
        set_tf32(self.precision)
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

    def card_ms(self):
        """Milliseconds per pass of many queued back to back between two events, like `card_ms` in lab's records: without the host's part."""
        if not self.is_card:
            return None
        set_tf32(self.precision)
        passes = 20
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.run()
        torch.cuda.synchronize()
        start.record()
        for _ in range(passes):
            self.run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / passes


class Budget:
    """The seconds that are left, and how long each kind of measurement took the last time."""

    def __init__(self, seconds):
        self.end, self.took = time.monotonic() + seconds, {}

    def left(self):
        return self.end - time.monotonic()

    def allows(self, kind, guess):
        return self.left() > 1.2 * self.took.get(kind, guess)

    def timed(self, kind, body):
        start = time.monotonic()
        result = body()
        self.took[kind] = time.monotonic() - start
        return result


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=[SMALL, "deit_base_patch16_224"])
    parser.add_argument("--cells", nargs="+", default=CELLS, help="BATCH:PRECISION, the most important first")
    parser.add_argument("--no-compiled", action="store_true", help="without compiled PyTorch, which takes minutes a cell")
    parser.add_argument("--lab", default=".build/release/lab")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to try this program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a visit")
    parser.add_argument("--least", type=int, default=20, help="samples of a visit")
    parser.add_argument("--threads", type=int, default=1, help="on a processor")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", help="a file.json to keep cells in, and to go on from")
    parser.add_argument("--out", help="a file.md to write")
    options = parser.parse_args()
    for cell in options.cells:
        batch, _, precision = cell.partition(":")
        if not batch.isdigit() or precision not in DTYPES:
            parser.error(f"{cell} is no BATCH:PRECISION; precisions are {', '.join(DTYPES)}")
    return options


# MARK: Measuring


def reason(error):
    """The first line of a program's message."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def has_tokens(model):
    """Whether tokens of a model can be removed, which holds for plain ViTs."""
    return model.startswith(("deit", "vit_"))


def compare(cell, options, precision, budget):
    """The medians of every program by round, and the programs that were left out, with the reason."""
    wanted = {EAGER: (False, False), PRUNED: (False, True)}
    if not options.no_compiled:
        wanted |= {COMPILED: (True, False), PRUNED_COMPILED: (True, True)}
    methods = [{"method": "none"}, {"method": "tail_effect", "r": REMOVED, "layer": LAYER}]
    if not has_tokens(cell.model):
        wanted = {name: kind for name, kind in wanted.items() if not kind[1]}
        methods = methods[:1]
    lab = DeviceLab(cell, options, precision, methods)
    lab_time = []

    def visit_lab():
        start = time.monotonic()
        results = lab.results(options.seconds, options.least)
        lab_time.append(time.monotonic() - start)
        return {name: (result["samples_ms"], result.get("card_ms")) for name, result in zip(("lab", "lab tail_effect"), results)}

    def visit(name):
        if name == "lab":
            return visit_lab()
        samples = opened[name].visit(options.seconds, options.least)
        return {name: (samples, opened[name].card_ms())}

    opened, left_out = {}, {}
    # The first visit compiles kernels and searches algorithms.
    visit_lab()
    for name, (compiled, pruned) in wanted.items():
        if not budget.allows(("open", compiled), 100 if compiled else 10):
            left_out[name] = "no time"
            continue
        try:
            opened[name] = budget.timed(("open", compiled), lambda: Torch(cell, options, precision, compiled, pruned))
        except Exception as error:  # whatever a compiler throws: the other programs are still worth their time
            left_out[name] = reason(error)
            print(f"  {name}: {left_out[name]}", file=sys.stderr, flush=True)
    rounds = {name: [] for name in [*["lab", "lab tail_effect"][:len(methods)], *opened]}
    cards = {name: [] for name in rounds}
    order = random.Random(options.seed)
    for number in range(options.rounds):
        if number >= 2 and budget.left() < 2 * lab_time[-1]:
            break
        names = ["lab", *opened]
        for name in order.sample(names, len(names)):
            try:
                visited = visit(name)
            except Exception as error:  # a program that fails in a round leaves the cell; its rounds before stay
                left_out[name] = f"round {number + 1}: {reason(error)}"
                print(f"  {name}: {left_out[name]}", file=sys.stderr, flush=True)
                if name == "lab":
                    return {"rounds": rounds, "cards": cards, "left_out": left_out, "environment": lab.environment}
                del opened[name]
                continue
            for key, (values, card) in visited.items():
                rounds[key].append(statistics.median(values))
                cards[key].append(card)
    return {"rounds": rounds, "cards": cards, "left_out": left_out, "environment": lab.environment}


def methods(cell, options, precision):
    asked = METHODS if has_tokens(cell.model) else METHODS[:1]
    found = DeviceLab(cell, options, precision, asked).results(options.seconds, options.least)
    return [{"method": method, "ms": statistics.median(result["samples_ms"]), "macs": result["cost"]["macs"]}
            for method, result in zip(asked, found)]


def measure(options, state, budget, keep):
    for name in options.cells:
        batch, _, precision = name.partition(":")
        for model in options.models:
            key = f"{model}:{name}"
            known = state.get(key)
            if known and "methods" in known and not any(reason == "no time" for reason in known["left_out"].values()):
                continue
            if not budget.allows("cell", 30):
                state.setdefault(key, {"left_out": {"all": "no time"}, "rounds": {}})
                continue
            print(f"{model}, batch {batch}, {precision}: {budget.left():.0f} s left", file=sys.stderr, flush=True)
            cell = Cell(model, int(batch), options.threads if options.device == "cpu" else 0)
            start = time.monotonic()
            try:
                state[key] = compare(cell, options, precision, budget)
                keep()
                if budget.allows("methods", 15):
                    state[key]["methods"] = budget.timed("methods", lambda: methods(cell, options, precision))
            except Exception as error:  # one cell that fails leaves the others' figures and the table
                state.setdefault(key, {"rounds": {}, "left_out": {}})["left_out"]["the cell"] = reason(error)
                print(f"  left out: {reason(error)}", file=sys.stderr, flush=True)
            finally:
                keep()
            # A cell without what takes longest: eager programs and lab's own.
            budget.took["cell"] = min(time.monotonic() - start, 60)
            torch._dynamo.reset()
            if options.device != "cpu":
                torch.cuda.empty_cache()


# MARK: What it says


def ratios(cell, theirs):
    ours = cell["rounds"].get(OURS[theirs], [])
    return [a / b for a, b in zip(ours, cell["rounds"].get(theirs, []))]


def card_ratios(cell, theirs):
    """The same for passes queued back to back, if both were timed that way."""
    cards = cell.get("cards", {})
    return [a / b for a, b in zip(cards.get(OURS[theirs], []), cards.get(theirs, [])) if a and b]


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def bars(state):
    """Name, target, measured value and whether the target is met, for every target that was measured."""
    rows = []

    def row(name, bar, value, met):
        rows.append([name, bar, value, "not measured" if met is None else "met" if met else "**not met**"])

    def ratio(key, theirs, bar):
        cell = state.get(f"{SMALL}:{key}")
        found = ratios(cell, theirs) if cell else []
        batch, _, precision = key.partition(":")
        reason = (cell or {}).get("left_out", {}).get(theirs, "")
        row(f"DeiT-S, batch {batch}, {precision}, against {theirs}", f"≤ {bar}", spread(found) if found else reason,
            statistics.median(found) <= bar if found else None)

    for precision in ("float16", "float32"):
        ratio(f"1:{precision}", EAGER, 0.5)
        ratio(f"1:{precision}", COMPILED, 1.0)
    ratio("256:float16", COMPILED, 1.0)
    ratio("256:bfloat16", COMPILED, 1.0)
    for batch in (1, 8):
        for precision in ("float16", "float32"):
            found = (state.get(f"{SMALL}:{batch}:{precision}") or {}).get("methods")
            name = f"DeiT-S, batch {batch}, {precision}, tail_effect"
            if not found:
                row(f"{name} where it removes 30 % of the MACs or more, against its unpruned pass", "< 1", "", None)
                row(f"{name}: its step, of the pass", "≤ 3 %", "", None)
                continue
            base = found[0]
            tail = [entry for entry in found if entry["method"]["method"] == "tail_effect"]
            enough = [entry for entry in tail if entry["macs"] <= 0.7 * base["macs"]]
            times = [entry["ms"] / base["ms"] for entry in enough]
            row(f"{name} where it removes 30 % of the MACs or more, against its unpruned pass", "< 1",
                ", ".join(f"{time:.3f} (r {entry['method']['r']})" for time, entry in zip(times, enough)), max(times) < 1 if times else None)
            one = next(entry for entry in tail if entry["method"]["r"] == 1)
            step = one["ms"] - base["ms"]
            shares = [step / entry["ms"] for entry in [one, *enough]]
            row(f"{name}: its step, of the pass", "≤ 3 %", f"{step * 1e3:.1f} µs, {min(shares):.1%} to {max(shares):.1%}", max(shares) <= 0.03)
    return rows


def markdown(header, rows):
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in [header, ["---"] * len(header), *rows])


def page(options, state):
    programs, reduced, left = [], [], []
    for key, cell in state.items():
        model, batch, precision = key.split(":")
        for name, medians in cell["rounds"].items():
            found = ratios(cell, name) if name in OURS else []
            alone = [card for card in cell.get("cards", {}).get(name, []) if card]
            card = card_ratios(cell, name) if name in OURS else []
            programs.append([
                model, batch, precision, name, f"{statistics.median(medians):.3f}" if medians else "", spread(found) if found else "",
                f"{statistics.median(alone):.3f}" if alone else "", spread(card) if card else ""])
        for entry in cell.get("methods", []):
            base = cell["methods"][0]
            reduced.append([model, batch, precision, " ".join(str(value) for value in entry["method"].values()), f"{entry['ms']:.3f}",
                            f"{entry['ms'] / base['ms']:.3f}", f"{entry['macs'] / base['macs']:.3f}"])
        left += [f"- {model}, batch {batch}, {precision}, {name}: {reason}" for name, reason in cell["left_out"].items()]
    environment = next((cell["environment"] for cell in state.values() if cell.get("environment")), {})
    device = torch.cuda.get_device_name() if options.device != "cpu" else contenders.processor()
    facts = [device, f"PyTorch {torch.__version__}", environment.get("blas"), environment.get("driver"), f"{options.rounds} interleaved rounds at most"]
    return "\n\n".join([
        ", ".join(fact for fact in facts if fact), "The tables of the staircase are made by `Experiments/cuda/`.",
        markdown(["bar", "wanted", "found", ""], bars(state)),
        markdown(["model", "batch", "precision", "program", "median ms", "lab / program", "card only, ms", "lab / program"], programs),
        markdown(["model", "batch", "precision", "method", "median ms", "time / none", "MACs / none"], reduced),
        *(["Left out:\n\n" + "\n".join(left)] if left else [])]) + "\n"


def main():
    options = arguments()
    if options.device != "cpu" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no CUDA device; --device cpu tries this program without one")
    state = {}
    if options.state and Path(options.state).exists():
        state = json.loads(Path(options.state).read_text())

    def keep():
        if options.state:
            Path(options.state).write_text(json.dumps(state))
        if options.out:
            Path(options.out).write_text(page(options, state))

    try:
        measure(options, state, Budget(options.budget), keep)
    finally:
        keep()
        print(page(options, state))


if __name__ == "__main__":
    main()
