#!/usr/bin/env python3
"""Writes Seeds/: small inputs of kinds without fixtures. Run from the repository's root.

The records are those of Results/quickstart-sample with a few images and samples each.
"""
import io
import json
import pathlib
import struct
import sys
import tarfile

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
    """The first byte selects the file's name, as in LabelsInput."""
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
    write("labels", "val_annotations.txt", "\x05" + "".join(
        f"{picture}.JPEG\t{id}\t0\t32\t44\t62\n" for picture, id in zip(pictures, ids)))
    write("labels", "real.json", "\x06[[65], [970, 795], [], [230, 231, 999]]\n")


def specs():
    """One spec with every key; Experiments/ has typical ones."""
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


def archives():
    """Images in class folders, and next to their class files as in WebDataset, in every tar format."""
    def pack(name, format, members):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=format) as archive:
            for path, data in members:
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        # Two blocks of zeros end an archive; tar pads it to twenty.
        bytes_ = content.getvalue().rstrip(b"\0")
        bytes_ += b"\0" * (-len(bytes_) % 512 + 1024)
        write("tar", name, bytes_)

    formats = pathlib.Path("Tests/Fixtures/formats")
    png, grey = (formats / "palette1.png").read_bytes(), (formats / "grey1.png").read_bytes()
    folders = [("./set/cat/1.png", png), ("./set/dog/1.png", grey), ("./set/dog/notes.txt", b"x")]
    pack("ustar.tar", tarfile.USTAR_FORMAT, folders)
    pack("gnu.tar", tarfile.GNU_FORMAT, folders + [("set/cat/" + 40 * "long" + ".png", grey)])
    pack("pax.tar", tarfile.PAX_FORMAT, folders + [("set/cat/" + 40 * "long" + ".png", grey)])
    pack("shards.tar", tarfile.USTAR_FORMAT, [
        ("0.png", png), ("0.cls", b"3\n"), ("1.png", grey), ("1.json", b'{"label": 1}')])


def configurations():
    """Configurations from repositories of the Hub; a zero byte separates a model's two files."""
    deit = {"architecture": "deit_small_patch16_224", "num_classes": 37, "global_pool": "token",
            "model_args": {"init_values": 1e-5, "qk_norm": True, "global_pool": "avg"},
            "pretrained_cfg": {
                "tag": "fb_in1k", "input_size": [3, 224, 224], "interpolation": "bicubic",
                "crop_pct": 0.9, "crop_mode": "center", "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225], "num_classes": 1000}}
    dinov2 = {"architectures": ["Dinov2ForImageClassification"], "hidden_act": "gelu",
              "hidden_size": 384, "id2label": {"0": "a", "1": "b"}, "image_size": 518,
              "layer_norm_eps": 1e-06, "mlp_ratio": 4, "model_type": "dinov2",
              "num_attention_heads": 6, "num_channels": 3, "num_hidden_layers": 12,
              "patch_size": 14, "qkv_bias": True, "use_swiglu_ffn": False}
    images = {"crop_size": {"height": 224, "width": 224}, "do_center_crop": True,
              "do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
              "image_std": [0.5, 0.5, 0.5], "resample": 3, "size": {"shortest_edge": 256}}
    vit = {"architectures": ["ViTForImageClassification"], "hidden_size": 192, "image_size": 224,
           "intermediate_size": 768, "model_type": "vit", "num_attention_heads": 3,
           "num_hidden_layers": 12, "patch_size": 16, "id2label": {"0": "a"}}
    write("config", "timm.json", json.dumps(deit))
    write("config", "dinov2.json", json.dumps(dinov2) + "\0" + json.dumps(images))
    write("config", "vit.json", json.dumps(vit) + "\0" + json.dumps(dict(images, size=224)))


for part in [records, safetensors, labels, specs, published, archives, configurations]:
    part()
