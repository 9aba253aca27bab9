"""Latency of lab compared with PyTorch, ONNX Runtime and OpenVINO: the same models, batches and threads, random weights.

    swift build -c release && python3 Benchmarks/peers.py                  # on an idle machine: some minutes
    python3 Benchmarks/peers.py --quick                                     # DeiT-S, batch 1, PyTorch: 20 s
    python3 Benchmarks/peers.py --models deit_base_patch16_224 --batch-sizes 1 4 16 --threads 1 2 --compiled
    python3 Benchmarks/peers.py --precisions float32 bfloat16 int8 --engines packed blas --peers openvino
    python3 Benchmarks/peers.py --families --minutes 6                      # models that are not plain ViTs; repeat until it says that everything is measured
    python3 Benchmarks/peers.py --families --export                         # exports the models beforehand, which takes long and times nothing
    python3 Benchmarks/peers.py --methods --out Benchmarks/results/methods.md    # with token reduction
    python3 Benchmarks/peers.py --methods tome gtp mctf                     # only some methods
    python3 Benchmarks/peers.py --models efficientvit_m0 --batch-sizes 16 --threads 1 --peers onnxruntime openvino tvm --search-minutes 10
    python3 Benchmarks/peers.py --lab .build/debug/lab .build/release/lab   # two builds of lab compared

Absolute times on a shared machine vary a lot, ratios within one run vary less. So in each round, every contender of a cell (model, batch size,
threads) is visited in seeded random order for about a second. The table gives the median over all samples, and lab's time divided by the peer's: the median of
the rounds' ratios, with the smallest and the largest. A ratio below 1 means that lab is faster. A program is compared with lab at the same
precision, with lab's first engine. OPENBLAS_CORETYPE and similar variables are removed from the environment, so that every program chooses its own kernels.

With --out, every measured cell is kept next to the exported models, and a later run with the same settings and the same lab binary
reuses it: a table of hours can be measured in several runs (--minutes), and a cell that was disturbed can be measured again (--again).

With --methods, lab's methods are compared with the published methods' arithmetic in PyTorch (`pruning.py`, `further_pruning.py`). The table also gives the fraction of the
removed MACs that each method saves as time: (1 - L/L0) / (1 - MACs/MACs0), where L0 is the same program's unpruned latency in the same round.

Needs torch and timm; onnxruntime and openvino are used if they can be imported (with onnx and onnxscript),
TVM only where --peers names it, because it searches for minutes before it runs, on the machine that must then be idle too:
pip install -r Benchmarks/requirements.txt
"""

import argparse
import csv
import os
import random
import shlex
import statistics
import sys
import time
import warnings
from pathlib import Path

# Libraries read it when they are loaded.
for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
    del os.environ[name]

import contenders
import further_pruning
import pruning
from contenders import Cell, Lab
from measured_cells import MeasuredCells

TITLES = {"pytorch": "PyTorch eager", "compiled": "PyTorch compiled", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "tvm": "TVM"}
FAMILIES = (
    *(f"efficientvit_m{size}" for size in range(6)), "efficientvit_b1", "efficientvit_b2", "reduceformer_b1", "reduceformer_b2",
    "mobilenetv3_large_100", "mobilenetv3_small_100", "mobilevit_xs", "mobilevit_s", "swin_tiny_patch4_window7_224", "convnext_tiny",
    "coatnet_0_224")
DEIT = ("deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224")
OURS = ({"method": "none"}, {"method": "tail_effect", "r": 98, "layer": 3}, {"method": "evit", "keep_rate": 0.7},
        {"method": "tome", "r": 8}, {"method": "topk", "r": 8}, {"method": "dynamicvit", "keep_rate": 0.7, "predictors": "random"},
        {"method": "diffrate", "r": 8}, {"method": "pitome", "keep_rate": 0.9125}, {"method": "tofu", "keep_rate": 0.9},
        {"method": "ppt", "r": 50}, {"method": "ats", "keep_rate": 0.7}, {"method": "dpcknn", "keep_rate": 0.7},
        {"method": "kmedoids", "keep_rate": 0.7}, {"method": "gtp", "r": 8}, {"method": "mctf", "r": 16},
        {"method": "atc", "keep_rate": 0.7}, {"method": "dct", "keep_rate": 0.9}, {"method": "zero_tprune"},
        {"method": "representation_shift", "keep_rate": 0.8})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=None, help="of timm; DeiT-T, S and B where there are none")
    parser.add_argument("--families", action="store_true", help="a model or several of each family that is no plain ViT, at batch 1, 4, 16")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=None, help="1 and 4 where there are none")
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--peers", nargs="*", choices=list(TITLES), default=["pytorch", "onnxruntime", "openvino"])
    parser.add_argument("--precisions", nargs="+", choices=["float32", "bfloat16", "int8"], default=["float32"])
    parser.add_argument("--engines", nargs="+", choices=["auto", "packed", "blas"], default=["packed"], help="of lab in float32")
    parser.add_argument("--search-minutes", type=float, default=5, help="of TVM's search, for each cell; kept next to the exported models")
    parser.add_argument("--compiled", action="store_true", help="PyTorch compiled too (needs a C++ compiler; minutes)")
    parser.add_argument("--methods", nargs="*", metavar="NAME", help="token reduction, ours and the published code's, instead of the peers: all, or these")
    parser.add_argument("--lab", nargs="+", default=[".build/release/lab"], help="commands; all are timed, the first is compared")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a visit")
    parser.add_argument("--least", type=int, default=3, help="samples of a visit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--onnx", default=".build/peers", help="the folder that keeps exported models and measured cells for the next run")
    parser.add_argument("--export", action="store_true", help="export models that are not there yet, and time nothing")
    parser.add_argument("--minutes", type=float, help="begin no cell after so many")
    parser.add_argument("--again", nargs="*", metavar="MODEL", help="measure cells of these models (of all, where none is named) again")
    parser.add_argument("--out", help="a file.md to write; the table also as file.csv")
    parser.add_argument("--quick", action="store_true", help="DeiT-S, batch 1, PyTorch eager alone")
    options = parser.parse_args()
    if options.quick:
        options.models, options.batch_sizes, options.peers, options.rounds = ["deit_small_patch16_224"], [1], ["pytorch"], 4
    unknown = set(options.methods or ()) - {method["method"] for method in OURS}
    if unknown:
        parser.error(f"--methods: {', '.join(sorted(unknown))}: known are {', '.join(method['method'] for method in OURS[1:])}")
    if options.compiled:
        options.peers.append("compiled")
    options.models = options.models or list(FAMILIES if options.families else DEIT)
    options.batch_sizes = options.batch_sizes or ([1, 4, 16] if options.families else [1, 4])
    if options.out and not options.out.endswith(".md"):
        parser.error("--out names a Markdown file: it must end in .md")
    return options


def interleave(visits, rounds, order):
    """Calls every visit once per round in random order; maps each name to its results by round."""
    results = {name: [] for name in visits}
    for _ in range(rounds):
        for name in order.sample(list(visits), len(visits)):
            results[name].append(visits[name]())
    return results


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def flat(rounds):
    return [sample for samples in rounds for sample in samples]


def label(options, index, command, engine, precision):
    """The name of a lab contender in the table."""
    name = "lab" + (f" ({command})" if index else "")
    return name + (f", {engine}" if engine != options.engines[0] and precision == "float32" else "")


def measure(options, cell, order, folder):
    """Measures one cell: the samples of each round by program and precision, and lab's environment."""
    opened = {}
    for precision in options.precisions:
        for engine in options.engines if precision == "float32" else ["packed"]:
            for index, command in enumerate(options.lab):
                opened[label(options, index, command, engine, precision), precision] = Lab(
                    cell, shlex.split(command), precision=precision, engine=engine)
    ours = opened["lab", options.precisions[0]]
    opened |= contenders.peers(cell, options.peers, options.seed, folder, options.precisions, options.search_minutes)
    rounds = interleave(
        {name: lambda c=contender: c.visit(options.seconds, options.least) for name, contender in opened.items()},
        options.rounds, order)
    return {
        "samples": [[name, precision, samples] for (name, precision), samples in rounds.items()],
        "commit": ours.environment["commit"], "blas": ours.environment["blas"],
        "notes": [f"{TITLES[name]}, {cell}: {contender.note}." for (name, _), contender in opened.items() if hasattr(contender, "note")]}


def rows_of(options, cell, measured):
    """The rows of one cell, one per contender."""
    rounds = {(name, precision): samples for name, precision, samples in measured["samples"]}
    for (name, precision), samples in sorted(rounds.items(), key=lambda item: options.precisions.index(item[0][1])):
        ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(rounds["lab", precision], samples)]
        quartiles = statistics.quantiles(flat(samples), n=4)
        yield {
            "model": cell.model, "batch": cell.batch, "threads": cell.threads, "precision": precision, "program": TITLES.get(name, name),
            "median ms": milliseconds(statistics.median(flat(samples))),
            "IQR ms": f"{milliseconds(quartiles[0])}–{milliseconds(quartiles[2])}",
            "samples": len(flat(samples)), "lab / program": "" if name == "lab" else spread(ratios)}


def milliseconds(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def summary(options, cells):
    """Lines for each precision: lab compared with the faster of ONNX Runtime and OpenVINO, and with PyTorch, over all cells."""
    for precision in options.precisions:
        for title, names in (("the better of ONNX Runtime and OpenVINO", ("onnxruntime", "openvino")), ("PyTorch eager", ("pytorch",)),
                             ("TVM after its search", ("tvm",))):
            ratios = {}
            for cell, measured in cells.items():
                rounds = {name: samples for name, own, samples in measured["samples"] if own == precision}
                medians = {name: [statistics.median(a) for a in samples] for name, samples in rounds.items()}
                others = [medians[name] for name in names if name in medians]
                if "lab" in medians and others:
                    best = min(others, key=statistics.median)
                    ratios[cell] = statistics.median(a / b for a, b in zip(medians["lab"], best))
            if ratios:
                mean, (worst, most) = statistics.geometric_mean(ratios.values()), max(ratios.items(), key=lambda item: item[1])
                where = f"for {worst}" if len(ratios) == 1 else (
                    f"in the geometric mean of {len(ratios)} cells, at most {most:.2f} ({worst})")
                yield f"In {precision} lab takes {mean:.2f} of the time of {title} {where}."


def compare_methods(options, cell, order):
    """The rows of one cell: lab's methods, then the published ones, each compared with its own program's unpruned pass."""
    model = contenders.timm_model(cell.model, options.seed)
    chosen = [method for method in OURS if not options.methods or method["method"] in ("none", *options.methods)]
    further = further_pruning.methods(model.embed_dim, len(model.blocks))
    published = {"none": model} | {
        "tail_effect": pruning.Pruned(model, "tail_effect", 98, 3), "tome": pruning.Pruned(model, "tome", 8),
        "topk": pruning.Pruned(model, "topk", 8)} | {name: further_pruning.Further(model, method) for name, method in further.items()}
    published = {name: module for name, module in published.items() if any(method["method"] == name for method in chosen)}
    ours = Lab(cell, shlex.split(options.lab[0]), chosen)
    visits = {("PyTorch", name): lambda m=module: contenders.Eager(cell, m, options.seed).visit(options.seconds, options.least)
              for name, module in published.items()}
    visits["lab"] = lambda: ours.results(options.seconds, options.least)
    rounds = interleave(visits, options.rounds, order)
    macs = {}
    samples = {key: value for key, value in rounds.items() if key != "lab"}
    for index, method in enumerate(chosen):
        macs[method["method"]] = rounds["lab"][0][index]["cost"]["macs"]
        samples["lab", method["method"]] = [results[index]["samples_ms"] for results in rounds["lab"]]
    for program in ("lab", "PyTorch"):
        for method in chosen:
            name = method["method"]
            if (program, name) not in samples:
                continue
            own = [statistics.median(a) for a in samples[program, name]]
            unpruned = [statistics.median(a) for a in samples[program, "none"]]
            share = 1 - macs[name] / macs["none"]
            gained = [(1 - a / b) / share for a, b in zip(own, unpruned)] if share else []
            theirs = [statistics.median(a) for a in samples.get(("PyTorch", name), [])]
            yield {
                "model": cell.model, "batch": cell.batch, "threads": cell.threads, "program": program,
                "method": " ".join(f"{k}={v}" if k != "method" else v for k, v in method.items()),
                "median ms": f"{statistics.median(flat(samples[program, name])):.1f}",
                "MACs": f"{macs[name] / macs['none']:.3f}",
                "time": f"{statistics.median(a / b for a, b in zip(own, unpruned)):.3f}",
                "removed time / removed MACs": spread(gained) if gained else "",
                "lab / PyTorch": spread([a / b for a, b in zip(own, theirs)]) if theirs and program == "lab" else ""}
    options.environment = ours.environment


def markdown(rows):
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in header) + " |" for row in rows])


def compact(rows):
    """One row per cell of one precision: lab's median, and for each other program its median and lab / program."""
    cells = {}
    for row in rows:
        cells.setdefault((row["model"], row["batch"], row["threads"]), {})[row["program"]] = row
    programs = list(dict.fromkeys(row["program"] for row in rows if row["program"] != "lab"))
    for (model, batch, threads), found in cells.items():
        others = {name: f"{found[name]['median ms']}, {found[name]['lab / program']}" if name in found else "" for name in programs}
        yield {"model": model, "batch": batch, "threads": threads, "lab ms": found["lab"]["median ms"], **others}


def command_line():
    """The command of this run, without arguments that depend on the machine."""
    words, given = [], iter(sys.argv[1:])
    for word in given:
        if word in ("--onnx", "--out", "--minutes"):
            next(given, None)
        else:
            words.append(word)
    return "    python3 Benchmarks/peers.py " + shlex.join(words)


def description(options, environment):
    """One paragraph: machine, versions and measuring procedure."""
    names = ["pytorch"] if options.methods is not None else options.peers
    versions = "".join(
        f", {TITLES[name]} {version}" for name, version in contenders.versions(n for n in names if contenders.is_installed(
            {"pytorch": "torch", "compiled": "torch"}.get(n, n))).items())
    return (
        f"{contenders.processor()}; lab {environment['commit'][:7]} with {environment['blas']}{versions}. "
        f"{options.rounds} interleaved rounds, {options.seconds:g} s a visit; in brackets the smallest and the largest of the rounds.")


def all_cells(options):
    return [
        Cell(model, batch, threads) for model in options.models for batch in options.batch_sizes for threads in options.threads]


def export_all(options, folder):
    """Exports the models of all cells; a model that cannot be exported is named and left out."""
    for cell in all_cells(options):
        try:
            model = contenders.timm_model(cell.model, options.seed)
            path = contenders.exported(cell, model, folder)
            if "int8" in options.precisions and contenders.is_installed("nncf"):
                contenders.quantized(path, contenders.side_of(model), cell.batch)
        except Exception as error:
            print(f"{cell}: not exported: {error}", file=sys.stderr, flush=True)


def measure_all(options, order, folder):
    """The cells that are measured so far, and how many are missing."""
    kept = MeasuredCells(folder / "cells.jsonl", options)
    end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    missing = 0
    for cell in all_cells(options):
        if kept.has(cell):
            continue
        if time.monotonic() > end:
            missing += 1
            continue
        print(cell, file=sys.stderr, flush=True)
        try:
            kept.add(cell, measure(options, cell, order, folder))
        except contenders.Failed as error:
            print(f"{cell}: left out: {error}", file=sys.stderr, flush=True)
    return {cell: kept.cells[cell] for cell in all_cells(options) if kept.has(cell)}, missing


def write(options, text, rows):
    path = Path(options.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def main():
    options = arguments()
    warnings.filterwarnings("ignore")
    order = random.Random(options.seed)
    folder = Path(options.onnx)
    folder.mkdir(parents=True, exist_ok=True)
    if options.export:
        return export_all(options, folder)
    notes, missing = [], 0
    if options.methods is not None:
        rows = [row for cell in all_cells(options) for row in compare_methods(options, cell, order)]
        environment = options.environment
    else:
        cells, missing = measure_all(options, order, folder)
        rows = [row for cell, measured in cells.items() for row in rows_of(options, cell, measured)]
        environment = next(iter(cells.values()), None)
        notes = [*summary(options, cells), *(note for measured in cells.values() for note in measured.get("notes", ()))]
    if not rows:
        raise SystemExit("no cell could be timed")
    plain = all(model.startswith(("deit", "vit")) for model in options.models)
    title = "Token reduction" if options.methods is not None else "Plain ViTs" if plain else "Models that are no plain ViTs"
    table = markdown(list(compact(rows)) if options.families and len(options.precisions) == 1 else rows)
    text = "\n\n".join(
        [f"# {title}, compared with other programs", description(options, environment), command_line(), *notes, table]) + "\n"
    print(text)
    if options.out:
        write(options, text, rows)
    if missing:
        print(f"{missing} cells are not measured yet: run the same command again", file=sys.stderr)


if __name__ == "__main__":
    main()
