#!/usr/bin/env python3
"""Writes Seeds/: small inputs of the kinds that no fixture has. Run from the repository's root.

The records are those of Results/quickstart-sample with a few images and samples each.
"""
import json
import pathlib
import struct
import sys

sys.path.insert(0, "Scripts/drill")
from record_lines import line  # noqa: E402

seeds = pathlib.Path("Tests/Fuzz/Seeds")


def write(kind, name, content):
    place = seeds / kind / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content if isinstance(content, bytes) else content.encode())


def records():
    sample = pathlib.Path("Results/quickstart-sample")
    for kind in ["accuracy", "latency"]:
        source = sorted(sample.glob(f"{kind}-*.jsonl"))[0]
        shortened = []
        for text in source.read_text().splitlines():
            record = json.loads(text)
            result = record["result"]
            if kind == "accuracy":
                for name in ["image_indices", "labels", "top5"]:
                    result[name] = result[name][:4]
                record["trial"]["image_count"] = 4
            else:
                result["samples_ms"] = result["samples_ms"][:5]
                result["rounds"] = result["rounds"][:5]
            shortened.append(record)
        methods = {json.dumps(r["trial"]["method"]): r for r in shortened}
        some = list(methods.values())[:: max(1, len(methods) // 6)]
        write("records", f"{kind}.jsonl", "".join(map(line, some)))
        for record in some[:3]:
            write("records", f"{kind}-{record['trial']['method']['name']}.jsonl", line(record))
        failed = dict(some[0], failure={"message": "no memory"})
        del failed["result"]
        write("records", f"{kind}-failed.jsonl", line(failed))


def safetensors():
    def file(header, body):
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + body

    types = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1}
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, size in types.items():
        header[name.lower()] = {
            "dtype": name, "shape": [2, 3], "data_offsets": [offset, offset + 6 * size]}
        offset += 6 * size
    write("safetensors", "types.safetensors", file(header, bytes(range(offset))))
    write("safetensors", "empty.safetensors", file({}, b""))
    scalar = {"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
              "b": {"dtype": "F32", "shape": [0, 4], "data_offsets": [4, 4]}}
    write("safetensors", "scalar.safetensors", file(scalar, b"\0\0\x80\x3f"))


def labels():
    """The first byte chooses the file's name, as LabelsInput has it."""
    pictures = [f"ILSVRC2012_val_0000000{n}" for n in (1, 2, 3)]
    ids = ["n01440764", "n01443537", "n01484850"]
    write("labels", "numbers.txt", "\x00490\n361\n171\n")
    write("labels", "solution.csv", "\x01ImageId,PredictionString\n" + "".join(
        f"{picture},{id} 1 2 30 40 {id} 5 6 70 80 \n" for picture, id in zip(pictures, ids)))
    write("labels", "val_map.txt", "\x02" + "".join(
        f"{picture}.JPEG {id}\n" for picture, id in zip(pictures, ids)))
    write("labels", "val.txt", "\x03" + "".join(
        f"{picture}.JPEG {label}\n" for label, picture in enumerate(pictures)))
    write("labels", "val_crlf.txt", "\x03\ufeff" + "".join(
        f"val/{picture}.JPEG\t{label}\r\n" for label, picture in enumerate(pictures)))
    write("labels", "synsets.txt", "\x04" + "".join(f"{id}\n" for id in ids))


def specs():
    """One spec with every key; Experiments/ has the usual ones."""
    write("spec", "every_key.json", json.dumps({
        "name": "every", "description": "d", "model": [
            "demo_vit", {"name": "deit_small_patch16_224", "weights": "random",
                         "architecture": {"image_size": 256, "depth": 3}},
            {"weights": "random", "architecture": {
                "image_size": 96, "patch_size": 16, "embed_dim": 64, "depth": 6, "num_heads": 4,
                "mlp_ratio": 4, "num_classes": 10}}],
        "dataset": ["demo", {"folder": "pictures", "classes": {"a": 0}, "limit": 5}],
        "device": ["cpu", {"recorded": "Orin"}], "batch_size": {"range": [1, 4, 1]},
        "threads": [1, 2], "precision": "float32", "seed": 3, "on_bad_image": "skip",
        "methods": [{"method": "none"}, {"method": "topk", "r": {"range": [2, 8, 2]}},
                    {"method": "tail_effect", "alpha": [0.3, 0.5], "layer": ["10%", 3]},
                    {"method": "evit", "keep_rate": 0.5}],
        "accuracy": {"images": 20, "batch_size": 8},
        "latency": {"min_seconds": 0.5, "min_samples": 3, "warmup": 1},
        "grid": {"stride": 12, "start": 30, "stop": 100, "images": 50}}, indent=1))
    write("spec", "small.json", '{"model": "demo_vit", "methods": [{"method": "none"}, '
          '{"method": "tome", "r": [4, 8]}], "accuracy": false}')


def published():
    for source in ["table2", "table4"]:
        spec = json.loads(pathlib.Path(f"Experiments/paper/{source}.json").read_text())
        write("published", f"{source}.json", json.dumps(spec["published"]))
    rows = pathlib.Path("Results/quickstart-sample/rows.json").read_text().splitlines()
    write("published", "rows.json", "[\n" + ",\n".join(r.rstrip(",") for r in rows[1:3]) + "\n]\n")


for part in [records, safetensors, labels, specs, published]:
    part()
