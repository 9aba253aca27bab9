"""Images per second and core from JPEG files to normalized floats: lab compared with Pillow and torchvision.

    python3 Benchmarks/decode.py --ours "swift run lab dataset decode"

Each tool reads the same files of ImageNet's usual size (500 x 375, about 110 kB), resizes the shorter side to
256 with the antialiased bicubic filter, crops 224 and normalizes, on one thread, in interleaved rounds. Rates are
images per second of CPU time, which a busy machine affects least; the median over the rounds is
reported, with the ratio within each round. Needs numpy and Pillow; torchvision is measured if it is installed.

`--ours` is a command that takes FOLDER --threads N --seconds S and prints a JSON object with images, seconds and
processor_seconds.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def write_pictures(folder, count):
    """Writes images of smooth areas, edges and noise, as compressible as ImageNet's photographs are on average."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:375, 0:500]
    sizes = []
    for number in range(count):
        picture = np.zeros((375, 500, 3))
        for _ in range(12):
            angle, wave = rng.uniform(0, np.pi), 10 ** rng.uniform(0.8, 2.2)
            field = np.sin((x * np.cos(angle) + y * np.sin(angle)) / wave + rng.uniform(0, 6))
            picture += field[..., None] * rng.uniform(-18, 18, 3)
        for _ in range(20):
            left, top = rng.integers(0, 450), rng.integers(0, 330)
            picture[top : top + rng.integers(8, 90), left : left + rng.integers(8, 90)] += rng.uniform(-50, 50, 3)
        picture += 128 + rng.normal(0, 9, (375, 500, 1)) + rng.normal(0, 4, (375, 500, 3))
        path = folder / "pictures" / f"{number}.JPEG"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, quality=94)
        sizes.append(path.stat().st_size)
    return statistics.mean(sizes)


def pillow(paths):
    for path in paths:
        image = Image.open(path).convert("RGB")
        width, height = image.size
        short = min(width, height)
        size = (256 * width // short, 256 * height // short)
        image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
        np.ascontiguousarray(((pixels / 255 - MEAN) / STD).transpose(2, 0, 1))


def torchvision_pipeline():
    try:
        import torch
        from torchvision import transforms
    except ImportError:
        return None
    torch.set_num_threads(1)
    transform = transforms.Compose([
        transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
        transforms.ToTensor(), transforms.Normalize(MEAN.tolist(), STD.tolist())])

    def run(paths):
        for path in paths:
            transform(Image.open(path).convert("RGB"))

    return run


def rate_of(run, paths, seconds):
    start, images = time.process_time(), 0
    while time.process_time() - start < seconds:
        run(paths)
        images += len(paths)
    return images / (time.process_time() - start)


def rate_of_ours(command, folder, seconds):
    line = subprocess.run(
        shlex.split(command) + [str(folder), "--threads", "1", "--seconds", str(seconds)],
        check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    measured = json.loads(line)
    return measured["images"] / measured["processor_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", default="swift run lab dataset decode")
    parser.add_argument("--folder", help="a folder of class folders of JPEG files; drawn if not given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        if options.folder is None:
            print(f"64 drawn pictures of 500 x 375, {write_pictures(folder, 64) / 1000:.0f} kB on average")
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
        tools = {"Pillow": pillow, "torchvision": torchvision_pipeline()}
        rates = {"lab": [], **{name: [] for name, run in tools.items() if run}}
        for _ in range(options.rounds):
            rates["lab"].append(rate_of_ours(options.ours, folder, options.seconds))
            for name, run in tools.items():
                if run:
                    rates[name].append(rate_of(run, paths, options.seconds))
    print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, {options.rounds} rounds")
    print("| tool | images/s per core | lab is faster by (range over the rounds) |")
    print("|---|---|---|")
    for name, values in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["lab"], values)]
        span = "" if name == "lab" else f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {statistics.median(values):.0f} | {span} |")


if __name__ == "__main__":
    main()
