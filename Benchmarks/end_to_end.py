"""Compares an accuracy run over JPEG files with the forward pass alone, and measures its memory and its startup time.

    swift build && python3 Benchmarks/end_to_end.py --weights deit_small.safetensors    # DeiT-S, 1,000 files: a minute
    python3 Benchmarks/end_to_end.py --model demo_vit --images 50000                  # memory over ImageNet's length
    python3 Benchmarks/end_to_end.py --weights deit_base.safetensors --model deit_base_patch16_224 --images 64 --batch 1

The files are generated (`decode.py`: 500 x 375, about 110 kB) and linked as often as needed. The forward pass alone is the pass of `lab profile --ops` without
timing inside it, at the same batch size, immediately before and after. Resident memory is read from /proc ten times a second.
Needs numpy and Pillow; Linux only.
"""

import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import decode


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", default=".build/debug/lab")
    parser.add_argument("--model", default="deit_small_patch16_224")
    parser.add_argument("--weights", help="a safetensors file of --model; its values do not matter")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--files", type=int, default=64, help="different files; the others are links to them")
    parser.add_argument("--batch", type=int, default=50)
    options = parser.parse_args()
    if options.model != "demo_vit" and not options.weights:
        parser.error("accuracy needs weights: give --weights, or --model demo_vit")
    return options


def lay_out(folder, images, files):
    """Creates ten class folders with links to a few files."""
    decode.write_pictures(folder, files)
    for number in range(images):
        place = folder / "classes" / f"c{number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(folder / "pictures" / f"{number % files}.JPEG", place / f"{number}.JPEG")
    return folder / "classes"


def pure(options, model):
    """Images per second of the forward pass alone."""
    out = subprocess.run(
        shlex.split(options.lab) + ["profile", "--ops", "--model", model, "--batch-size", str(options.batch), "--min-seconds", "4"],
        check=True, capture_output=True, text=True).stdout
    return options.batch / (float(re.search(r"without timing inside it ([0-9.]+) ms", out)[1]) / 1000)


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None


def watch(command):
    """Runs a command; returns pairs of seconds since its start and resident megabytes."""
    begin = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seen = []
    while process.poll() is None:
        try:
            megabytes = resident(process.pid)
        except (FileNotFoundError, ProcessLookupError):
            break
        if megabytes:
            seen.append((time.time() - begin, megabytes))
        time.sleep(0.1)
    if process.wait():
        raise SystemExit(process.stderr.read())
    return begin, seen


def main():
    options = arguments()
    model = {"name": options.model, "weights": str(Path(options.weights).resolve())} if options.weights else options.model
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        classes = lay_out(folder, options.images, options.files)
        spec = {"name": "end_to_end", "model": model, "device": "cpu", "methods": [{"method": "none"}], "latency": False,
                "dataset": {"folder": str(classes), "classes": {f"c{k}": k for k in range(10)}},
                "accuracy": {"batch_size": options.batch, "images": options.images}}
        (folder / "spec.json").write_text(json.dumps(spec))
        text = json.dumps(model) if options.weights else model
        before = pure(options, text)
        begin, seen = watch(shlex.split(options.lab) + ["run", str(folder / "spec.json"), "--results", str(folder / "Results")])
        after = pure(options, text)
        records = [json.loads(line) for path in folder.glob("Results/*/*.jsonl") for line in path.read_text().splitlines()]
    print(f"{options.model}, {options.images} files, batch {options.batch}")
    wall = seen[-1][0]
    forward = statistics.mean([before, after])
    print(f"pure forward pass: {before:.1f} and {after:.1f} images/s; whole run, start and report included: {options.images / wall:.1f} images/s")
    print(f"whole run / pure forward pass: {100 * options.images / wall / forward:.1f} %")
    tenth = [m for t, m in seen if t > wall / 10]
    print(f"resident: largest {max(m for _, m in seen):.0f} MB; after a tenth of the run {tenth[0]:.0f} MB, at the end {seen[-1][1]:.0f} MB")
    print(f"{len(records)} records in {wall:.1f} s")


main()
