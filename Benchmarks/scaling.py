"""Whether latency is proportional to the work: lab's time per MAC over tokens, batch size and width, and one core compared with two.

    swift build && python3 Benchmarks/scaling.py                      # on an idle machine: about four minutes
    python3 Benchmarks/scaling.py --axes tokens threads --rounds 3

Each round visits every point of an axis once in seeded random order. The value of a point is its time per MAC divided by that of the axis's largest
point in the same round: the median over the rounds, with the smallest and the largest in brackets. 1.00 means proportional to the MACs; a tolerance of 10 % is met
from 0.90 to 1.10. Tokens are removed at random before the first block, so the patch embedding still processes all patches.
"""

import argparse
import random
import shlex
import statistics

from contenders import Cell, Lab
from peers import interleave, markdown, spread

TOKENS = (197, 177, 157, 137, 117, 97, 77, 57, 37, 17)
BATCHES = (16, 8, 4, 2, 1)
WIDTHS = ("vit_large_patch16_224", "deit_base_patch16_224", "deit_small_patch16_224", "deit_tiny_patch16_224")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", default=".build/debug/lab")
    parser.add_argument("--model", default="deit_small_patch16_224", help="of the axes tokens, batch and threads")
    parser.add_argument("--axes", nargs="+", choices=("tokens", "batch", "width", "threads"), default=["tokens", "batch", "width", "threads"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a visit")
    parser.add_argument("--least", type=int, default=3, help="samples of a visit")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def points(options, axis):
    """Maps names to (cell, method) for an axis, the largest first."""
    whole = {"method": "none"}
    if axis == "tokens":
        return {count: (Cell(options.model, 1, 2), {"method": "random", "r": 197 - count} if count < 197 else whole)
                for count in TOKENS}
    if axis == "batch":
        return {batch: (Cell(options.model, batch, 2), whole) for batch in BATCHES}
    if axis == "width":
        return {name: (Cell(name, 1, 2), whole) for name in WIDTHS}
    return {threads: (Cell(options.model, 1, threads), whole) for threads in (1, 2)}


def measure(options, axis, order):
    """Maps names to (MACs of the batch, milliseconds of each round)."""
    opened = {name: Lab(cell, shlex.split(options.lab), [method]) for name, (cell, method) in points(options, axis).items()}
    visits = {name: lambda contender=contender: contender.results(options.seconds, options.least)[0] for name, contender in opened.items()}
    rounds = interleave(visits, options.rounds, order)
    return {
        name: (results[0]["cost"]["macs"] * opened[name].cell.batch, [statistics.median(result["samples_ms"]) for result in results])
        for name, results in rounds.items()}


def rows(axis, measured):
    largest_macs, largest = next(iter(measured.values()))
    for name, (macs, times) in measured.items():
        relative = [time / macs / (most / largest_macs) for time, most in zip(times, largest)]
        row = {axis: name, "GMACs": f"{macs / 1e9:.2f}", "median ms": f"{statistics.median(times):.2f}"}
        if axis == "threads":
            yield row | {"times as fast as one": spread([most / time for time, most in zip(times, largest)])}
        else:
            yield row | {
                "GFLOP/s": f"{2 * macs / statistics.median(times) / 1e6:.0f}", "time per MAC / the largest point's": spread(relative)}


def main():
    options = arguments()
    order = random.Random(options.seed)
    for axis in options.axes:
        print(f"{axis}\n\n{markdown(list(rows(axis, measure(options, axis, order))))}\n", flush=True)


if __name__ == "__main__":
    main()
