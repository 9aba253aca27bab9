"""How much an accuracy race saves on known predictions, and the most that any race could save.

    lab run whole.json                                   # methods on every image: no "until"
    python3 Benchmarks/racing.py Results/whole

replays races (`"accuracy": {"until": "2pp"}`, with the decisions of `Sources/Measurement/Racing`) on the recorded predictions in several random
orders of the images. For each precision it prints by which factor they reduce the image passes of the complete run, how many settings of the
complete run's front are also on the race's front, how many have a setting there that is never slower and less accurate by no more than the precision, and
how many were wrongly taken off.

The bound is that of a gambler who knows in advance how often any two settings differ on an image and bets optimally (Waudby-Smith and
Ramdas, JRSS B 86, 2024): by Wald's argument, no test that is valid whenever it is looked at and errs in at most 5 of 100 cases can be expected to
need fewer images. "exact" is the complete run's own front: every setting off it is known to be behind one that is never slower, and every setting
on it to be ahead of all of those. Latencies are the recorded medians; --macs uses multiply-accumulate operations instead.

Needs numpy.
"""

import argparse
import json
import math
from pathlib import Path

import numpy

ERROR = 0.05


def recorded(folder, by_macs):
    """The outcomes [settings, images] of the complete settings, their costs, and the baseline's row."""
    found, costs = {}, {}
    for line in (line for file in sorted(folder.glob("*.jsonl")) for line in file.open()):
        record = json.loads(line)
        if "result" not in record:
            continue
        trial, result = record["trial"], record["result"]
        name = json.dumps(trial["method"], sort_keys=True)
        if record["kind"] == "accuracy":
            right = found.setdefault(name, numpy.full(trial["dataset"]["images"], -1))
            for index, label, classes in zip(result["image_indices"], result["labels"], result["top5"]):
                right[index] = classes[0] == label
            if by_macs:
                costs[name] = result["cost"]["macs"]
        elif record["kind"] == "latency" and not by_macs:
            costs[name] = numpy.median(result["samples_ms"])
    names = [name for name, right in found.items() if name in costs and (right >= 0).all()]
    if not names:
        raise SystemExit(f"{folder}: holds no setting with every image and a latency")
    baseline = [json.loads(name)["name"] for name in names].index("none")
    return numpy.array([found[name] for name in names]), numpy.array([costs[name] for name in names]), baseline


class Table:
    """The settings with what is finally known about them."""

    def __init__(self, right, costs, baseline):
        self.right, self.costs, self.baseline = right, costs, baseline
        self.settings, self.images = right.shape
        self.correct = right.sum(1)
        self.rivals = [
            [j for j in range(self.settings) if j != i and costs[j] <= costs[i]] for i in range(self.settings)]

    def front(self, accuracy, among):
        return {
            i for i in among if not any(
                accuracy[j] >= accuracy[i] and (accuracy[j] > accuracy[i] or self.costs[j] < self.costs[i])
                for j in self.rivals[i] if j in among)}

    def differences(self, i, j):
        """How many images only j classifies correctly, and how many only i."""
        difference = self.right[j] - self.right[i]
        return int((difference > 0).sum()), int((difference < 0).sum())


def growth(won, lost, mean):
    """The expected growth of log capital per image of the best bet against a mean."""
    # Where the derivative is zero: a quadratic equation in the bet.
    edge = won - lost - mean
    half = 3 * mean * edge + won * (1 - mean) ** 2 + lost * (1 + mean) ** 2 + (1 - won - lost) * mean**2
    bet = 2 * edge / (half + math.sqrt(max(0, half * half - 4 * edge * mean * (1 - mean**2))))
    bet = max(0, min(bet, (1 - 1e-9) / (1 + mean)))
    gained = won * math.log1p(bet * (1 - mean)) + (1 - won - lost) * math.log1p(-bet * mean)
    return gained + (lost * math.log1p(-bet * (1 + mean)) if lost else 0)


def least(won, lost, candidate, images, threshold, step=5):
    """The number of images that a gambler who knows the rates needs against a candidate for the sum of all differences."""
    if candidate >= won - lost:
        return images
    capital = 0.0
    for seen in range(0, images, step):
        mean = (candidate - (won - lost) * seen / images) / (images - seen)
        if mean <= -1 or capital >= threshold:
            return seen
        capital += step * growth(won / images, lost / images, mean)
    return images


def bounds(table, precisions):
    """The largest possible saving of any race, for the exact front and for each precision."""
    n, decided, known = table.images, -math.log(ERROR), math.log(2 / ERROR)
    front = table.front(table.correct, set(range(table.settings)))
    off = [
        min((least(*table.differences(i, j), 0, n, decided) for j in table.rivals[i]), default=n) for i in range(table.settings)]
    exact = [
        max((least(*table.differences(j, i), 0, n, decided) for j in table.rivals[i]), default=0) if i in front else off[i]
        for i in range(table.settings)]
    yield "exact", table.settings * n / sum(exact)
    for precision in precisions:
        images = []
        for i in range(table.settings):
            won, lost = table.differences(table.baseline, i)
            half = precision / 100 * n
            narrow = max(least(won, lost, won - lost - half, n, known), least(lost, won, lost - won - half, n, known))
            images.append(min(off[i], narrow) if i != table.baseline else 0)
        images[table.baseline] = max(images)
        yield precision, table.settings * n / sum(images)


def batches(images):
    start = 0
    while start < images:
        end = min(images, start + (50 if start < 1000 else 100 if start < 4000 else 250))
        yield start, end
        start = end


def shares(images):
    low = min(0.5, math.sqrt(30 / images))
    steps = max(1, math.ceil(math.log(0.95 / low) / math.log(2.8)))
    return numpy.array([low * (0.95 / low) ** (index / steps) for index in range(steps + 1)])


def factors(counts, images, candidates):
    """Logarithms of the factor by which each batch multiplies the capital of each share, [batches, shares, candidates]."""
    share = shares(images)[:, None]
    total, seen, result = 0, 0, []
    for won, lost, alike in counts:
        mean = (candidates - total) / (images - seen)
        safe = numpy.where(mean > -1, mean, 0)
        gained = won * numpy.log1p(share * (1 - safe) / (1 + safe)) + alike * numpy.log1p(-share * safe / (1 + safe))
        gained = numpy.where(mean > -1, gained + lost * numpy.log1p(-share), 0 if won + alike == 0 else numpy.inf)
        total, seen = total + won - lost, seen + won + lost + alike
        result.append(numpy.where(candidates - total < -(images - seen), numpy.inf, gained))
    return numpy.array(result)


def mean_of(logarithms, axis):
    return numpy.logaddexp.reduce(logarithms, axis=axis) - math.log(logarithms.shape[axis])


def half_widths(counts, images):
    """The half-widths of the confidence sequence after each batch, as a fraction of the images."""
    step = max(1, images // 1000)
    candidates = numpy.arange(-(images // step) * step, images + 1, step)
    above = mean_of(factors(counts, images, candidates).cumsum(0), 1)
    below = mean_of(factors([(lost, won, alike) for won, lost, alike in counts], images, -candidates).cumsum(0), 1)
    refuted = numpy.maximum.accumulate(numpy.maximum(above, below) >= math.log(2 / ERROR), axis=0)
    return (~refuted).sum(1) * step / images / 2


def replay(table, order, precisions):
    """For each precision, the passes of a race, its front and the settings that it took off."""
    right, n, ranges = table.right[:, order], table.images, list(batches(table.images))

    def counts(i, j):
        difference = right[j] - right[i]
        parts = [difference[start:end] for start, end in ranges]
        return [((part > 0).sum(), (part < 0).sum(), (part == 0).sum()) for part in parts]

    others = [i for i in range(table.settings) if i != table.baseline]
    widths = {i: half_widths(counts(table.baseline, i), n) for i in others}
    gains = {(i, j): factors(counts(i, j), n, numpy.zeros(1))[:, :, 0] for i in others for j in table.rivals[i]}
    for precision in precisions:
        seen, off, racing = numpy.zeros(table.settings, int), set(), set(others)
        capital = {pair: numpy.zeros(len(shares(n))) for pair in gains}
        moving = {i: numpy.zeros(len(shares(n))) for i in others}
        for batch, (_, end) in enumerate(ranges):
            present = racing | {table.baseline}
            seen[list(present)] = end
            stopped = set()
            for i in racing:
                there = [j for j in table.rivals[i] if j in present]
                if there:
                    leader = max(there, key=lambda j: mean_of(capital[i, j], 0))
                    moving[i] = moving[i] + gains[i, leader][batch]
                for j in there:
                    capital[i, j] = capital[i, j] + gains[i, j][batch]
                if table.rivals[i]:
                    each = mean_of(numpy.array([mean_of(capital[i, j], 0) for j in table.rivals[i]]), 0)
                    if mean_of(numpy.array([each, mean_of(moving[i], 0)]), 0) >= -math.log(ERROR):
                        off.add(i)
                if i in off or widths[i][batch] <= precision / 100:
                    stopped.add(i)
            racing -= stopped
            if not racing:
                break
        base = right[table.baseline, :seen[table.baseline]].mean()
        accuracy = [base + (right[i, :seen[i]] - right[table.baseline, :seen[i]]).mean() for i in range(table.settings)]
        yield precision, seen.sum(), table.front(accuracy, set(range(table.settings)) - off), off


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the results folder of a run without \"until\"")
    parser.add_argument("--points", nargs="+", type=float, default=[0.3, 0.5, 1, 1.5, 2, 3])
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--macs", action="store_true")
    options = parser.parse_args()
    table = Table(*recorded(options.results, options.macs))
    front = table.front(table.correct, set(range(table.settings)))
    print(f"{table.settings} settings, {table.images} images, {len(front)} settings on the front")
    most = dict(bounds(table, options.points))
    print(f"the exact front: at most {most['exact']:.1f} times fewer passes", flush=True)
    print("± points | at most | replays: saving (least) | of the front | within | taken off")
    found = {points: [] for points in options.points}
    for seed in range(options.orders):
        order = numpy.random.default_rng(seed).permutation(table.images)
        for points, passes, raced, off in replay(table, order, options.points):
            within = sum(
                any(table.costs[j] <= table.costs[i] and table.correct[j] >= table.correct[i] - points / 100 * table.images for j in raced)
                for i in front)
            found[points].append((table.settings * table.images / passes, len(front & raced), within, len(front & off)))
    for points, rows in found.items():
        saving, same, within, lost = numpy.array(rows).T
        print(
            f"{points:8g} | {most[points]:7.1f} | {saving.mean():.1f} ({saving.min():.1f}) | {same.mean():.1f} | {within.mean():.1f} | "
            f"{lost.mean():.2f}")


if __name__ == "__main__":
    main()
