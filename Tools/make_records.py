#!/usr/bin/env python3
"""Writes a results folder of pretended records, as many and as large as a sweep over ImageNet leaves.

    Tools/make_records.py FOLDER [--records 20000] [--images 77]

Keys and seals are right, so that `lab report FOLDER` reads it as it reads its own. The numbers are random and mean
nothing.
"""
import argparse
import hashlib
import json
import pathlib
import random


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def line(kind, trial, result, environment):
    key = hashlib.sha256(text({"kind": kind, "trial": trial}).encode()).hexdigest()
    record = {"schema": 1, "key": key, "kind": kind, "trial": trial, "result": result,
              "environment": environment}
    body = text(record)
    seal = hashlib.sha256(body.encode()).hexdigest()[:32]
    return f'{body[:-1]},"seal":"{seal}"}}\n'


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--records", type=int, default=20_000)
    arguments.add_argument("--images", type=int, default=77, help="of a shard")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(0)
    depth, methods = 12, 100
    shards = max(1, options.records // methods - 1)
    images = options.images * shards
    model = {
        "name": "deit_small_patch16_224", "tokens": 197, "prefix_tokens": 1,
        "architecture": {"image_size": 224, "patch_size": 16, "embed_dim": 384, "depth": depth,
                         "num_heads": 6, "mlp_ratio": 4, "num_classes": 1000, "qkv_bias": True},
        "weights": {"name": "deit_small.safetensors", "digest": "ab" * 32}}
    dataset = {"name": "val", "layout": "class folders", "fingerprint": "cd" * 32, "images": images,
               "classes": 1000, "preprocessing": "resize 248 bicubic, crop 224, mean 0.485"}
    labels = [dice.randrange(1000) for _ in range(images)]
    timing = {"warmup": 5, "min_seconds": 1, "min_samples": 30}
    device = {"name": "cpu", "hardware": "Example CPU", "threads": 2}
    written = 0
    with open(options.folder / "accuracy-example-1.jsonl", "w") as accuracy, \
            open(options.folder / "latency-example-1.jsonl", "w") as latency:
        for index in range(methods):
            name = "none" if index == 0 else ("topk", "tome", "tail_effect")[index % 3]
            method = {"name": name, "parameters": {} if index == 0 else {"r": index // 3 + 1}}
            r = 0 if index == 0 else index // 3 + 1
            cost = {"macs": 4_600_000_000 - 10_000_000 * r, "parameters": 22_050_664,
                    "tokens_after_blocks": [max(1, 197 - r * (b + 1) // 12) for b in range(depth)]}
            environment = {
                "program": "0.1.0", "commit": "0" * 40, "host": "example", "system": "Linux",
                "processor": "Example CPU", "cores": 2, "threads": 2, "memory_bytes": 1 << 33,
                "blas": "lab AVX-512 14x32", "clocks_mhz": [], "load_average": 0.5,
                "duration_seconds": 1.5}
            for shard in range(shards):
                if written + methods - index >= options.records + methods:
                    break
                first = shard * options.images
                truth = labels[first:first + options.images]
                top5 = []
                for label in truth:
                    row = dice.sample(range(1000), 5)
                    if label not in row and dice.random() < 0.75:
                        row[0] = label
                    top5.append(row)
                result = {"top5": top5, "labels": truth,
                          "image_indices": list(range(first, first + options.images)),
                          "skipped": [], "images_per_second": 93.25, "cost": cost}
                trial = {"model": model, "method": method, "dataset": dataset,
                         "precision": "float32", "first_image": first,
                         "image_count": options.images}
                started = f"2026-01-{1 + index % 28:02}T{shard // 60 % 24:02}:{shard % 60:02}:00.000Z"
                accuracy.write(line("accuracy", trial, result, environment | {"started": started}))
                written += 1
            base = 60 - 0.5 * r
            samples = [round(base + dice.random(), 6) for _ in range(60)]
            result = {"samples_ms": samples, "rounds": list(range(60)), "notes": [],
                      "peak_memory_bytes": 300_000_000, "cost": cost}
            trial = {"model": {k: v for k, v in model.items() if k != "weights"}, "method": method,
                     "device": device, "precision": "float32", "batch_size": 1, "timing": timing}
            latency.write(line("latency", trial, result,
                               environment | {"started": "2026-01-01T00:00:00.000Z"}))
            written += 1
    print(f"{options.folder}: {written} records")


if __name__ == "__main__":
    main()
