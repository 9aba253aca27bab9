#!/usr/bin/env python3
"""Says which trends of the tail-effect paper appear on the demo model.

Runs specs of Experiments/paper, and one with equal token counts, on demo_vit on a CPU, and reads the
resulting tables. A trend is "shown" if the numbers support it beyond their 95 % intervals, and
"not shown" otherwise, whether it is contradicted or within noise.

    python3 Benchmarks/trends.py --lab .build/debug/lab --limit 500
"""

import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICK = {"min_seconds": 0.25, "min_samples": 15, "warmup": 2}

# Each trend's spec: one of Experiments/paper with fewer timings, or a small one of its own.
SPECS = {
    "layer": {
        "extends": "table5.json",
        "batch_size": 1,
        "methods": [
            {"method": "none"},
            {"method": "tail_effect", "r": 72, "layer": ["2.5%", "25%", "50%", "75%"]},
        ],
    },
    "depth": {
        "extends": "table2.json",
        "accuracy": {"images": 2000},
        "methods": [
            {"method": "none"},
            {"method": "tail_effect", "r": [72, 100, 120], "layer": ["2.5%", "25%", "50%", "75%"]},
            {"method": "compose", "score": "random", "disposal": "drop", "r": [72, 100, 120],
             "layer": ["2.5%", "25%", "50%", "75%"]},
        ],
    },
    "alpha": {
        "extends": "table4.json",
        "batch_size": 1,
        "grid": {"stride": 12, "images": 1024, "min_seconds": 0.1, "min_samples": 10},
    },
    "random": {
        "extends": "table2.json",
        "methods": [
            {"method": "none"},
            {"method": "tail_effect", "r": [36, 72, 108], "layer": 0},
            {"method": "random", "r": [36, 72, 108]},
        ],
    },
    "heads": {"extends": "table2.json"},
}


def run(lab, name, limit, folder):
    """The rows of the table that a spec produces on the demo model."""
    spec = dict(SPECS[name])
    spec["extends"] = str(ROOT / "Experiments" / "paper" / spec["extends"])
    spec["name"] = name
    if name in ("layer", "alpha"):
        spec["latency"] = QUICK
    path = folder / f"{name}.json"
    path.write_text(json.dumps(spec))
    command = [
        lab, "run", str(path), "--model", "demo_vit", "--dataset", "demo", "--device", "cpu",
        "--results", str(folder),
    ]
    # Differences between layers are small, and deterministic: they take all images.
    if name != "depth":
        command += ["--limit", str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    with open(folder / name / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["parameters"] = json.loads(row["parameters"] or "{}")
    return rows


def number(row, key):
    return float(row[key])


def margin(a, b):
    """The half-width of a 95 % interval for the difference of two accuracies, in points.

    Conservative: both accuracies are measured on the same images, and pairing them would give a narrower interval.
    """
    half = [(number(r, "top1_percent_high") - number(r, "top1_percent_low")) / 2 for r in (a, b)]
    return (half[0] ** 2 + half[1] ** 2) ** 0.5


def layer(rows):
    rows = [r for r in rows if r["method"] == "tail_effect"]
    rows.sort(key=lambda r: r["parameters"]["layer"])
    lines = [
        f"block {r['parameters']['layer']}: {number(r, 'latency_ms_median'):.2f} ms "
        f"({number(r, 'speedup'):.2f}×, {number(r, 'speedup_low'):.2f}–{number(r, 'speedup_high'):.2f}), "
        f"top-1 {number(r, 'top1_percent'):.1f} %"
        for r in rows
    ]
    speedups = [number(r, "speedup") for r in rows]
    ends = number(rows[0], "speedup_low") > number(rows[-1], "speedup_high")
    faster = speedups == sorted(speedups, reverse=True) and ends
    return [("an earlier layer is faster (R = 72)", faster, lines)]


def depth(rows):
    trends = []
    for method, title in (("tail_effect", "an earlier layer is less accurate"),
                          ("compose", "an earlier layer is less accurate where tokens go at random")):
        lines, shown = [], True
        for r in (72, 100, 120):
            found = [x for x in rows if x["method"] == method and x["parameters"]["r"] == r]
            found.sort(key=lambda x: x["parameters"]["layer"])
            top1 = [number(x, "top1_percent") for x in found]
            gap, room = top1[-1] - top1[0], margin(found[0], found[-1])
            shown = shown and top1 == sorted(top1) and gap > room
            blocks = ", ".join(f"{x['parameters']['layer']}: {t:.1f}" for x, t in zip(found, top1))
            verdict = "beyond" if gap > room else "within"
            lines.append(
                f"R = {r}, top-1 % by block {blocks}; first to last {gap:+.1f} points, {verdict} the "
                f"margin of ±{room:.1f}")
        trends.append((f"{title} (2,000 images)", shown, lines))
    return trends


def alpha(rows):
    found = {}
    for row in rows:
        # Several α of one R share a row: `tail_effect α=0.2, 0.3 r=8, layer=3`.
        match = re.search(r"α=([0-9.]+(?:, [0-9.]+)*)", row["label"])
        for value in match.group(1).split(", ") if match else []:
            found[float(value)] = row["parameters"]["r"]
    values = [found[a] for a in sorted(found)]
    shown = len(values) > 1 and values == sorted(values) and values[0] < values[-1]
    lines = ["R by α: " + ", ".join(f"{a:g}: {found[a]}" for a in sorted(found))]
    return [("a larger α removes more tokens", shown, lines)]


def above_random(rows):
    lines, shown = [], True
    for r in (36, 72, 108):
        ours, other = (
            next(x for x in rows if x["method"] == m and x["parameters"]["r"] == r)
            for m in ("tail_effect", "random")
        )
        gap = number(ours, "top1_percent") - number(other, "top1_percent")
        shown = shown and gap > margin(ours, other)
        lines.append(
            f"R = {r}: {number(ours, 'top1_percent'):.1f} % against "
            f"{number(other, 'top1_percent'):.1f} %, {gap:+.1f} points, margin ±{margin(ours, other):.1f}"
        )
    return [("tail_effect is above random at equal tokens, both after the first block", shown, lines)]


def heads(rows):
    rows = {
        r["parameters"]["feature_heads"]: r
        for r in rows if r["method"] == "tail_effect" and r["parameters"]["feature"] == "v"
    }
    gap = number(rows["max"], "top1_percent") - number(rows["mean"], "top1_percent")
    room = margin(rows["max"], rows["mean"])
    lines = [f"{name}: {number(rows[name], 'top1_percent'):.1f} %" for name in ("mean", "sum", "max")]
    lines.append(f"max − mean: {gap:+.1f} points, margin ±{room:.1f}")
    return [("max over heads is no worse than mean, within the interval", gap >= -room, lines)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lab", default=str(ROOT / ".build" / "release" / "lab"))
    parser.add_argument("--limit", type=int, default=500, help="images for every accuracy")
    parser.add_argument("--only", choices=list(SPECS), help="one spec's trends alone")
    parser.add_argument("--results", help="keep the results in this folder")
    given = parser.parse_args()
    trends = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(given.results or scratch).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        hardware = ""
        for name, judge in (
            ("heads", heads), ("random", above_random), ("layer", layer), ("depth", depth),
            ("alpha", alpha),
        ):
            if given.only not in (None, name):
                continue
            rows = run(given.lab, name, given.limit, folder)
            hardware = next((r["hardware"] for r in rows if r["hardware"]), hardware)
            trends += judge(rows)
    print("# Trends of the tail-effect paper on the demo model\n")
    print(f"demo_vit on {hardware or 'the CPU'}, {given.limit} images for every accuracy; `Benchmarks/trends.py`.")
    print(f"Load average at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    print(
        "Margins treat accuracies as independent although the images are the same, so they are wider\n"
        "than need be: \"no worse\" means that no loss was found, not that there is none of 0.1 points.\n"
    )
    for title, shown, lines in trends:
        print(f"## {title[0].upper() + title[1:]}: {'shown' if shown else 'NOT shown'}\n")
        print("\n".join(f"- {line}" for line in lines) + "\n")


if __name__ == "__main__":
    main()
