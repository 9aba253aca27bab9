#!/usr/bin/env python3
"""Compares lab's logits with timm's on models of real size, random weights, the same normalized images.

    python3 -m venv .venv && .venv/bin/pip install -r Tools/requirements.txt
    .venv/bin/python Tools/check_against_timm.py                    # one or two models of each family
    .venv/bin/python Tools/check_against_timm.py --models vit_large_patch16_224 --batch 4
    .venv/bin/python Tools/check_against_timm.py --all --out Benchmarks/results/timm.md    # every model that timm has

Writes each model's weights as safetensors with timm's keys, runs `lab predict --images … --logits …` on them, and prints the
largest difference as a share of the range of the logits. Exit code 1 if any share reaches 2e-4.

DINOv2's models are built at 518 pixels and brought to 224 here as DINOv2 does it (bicubic without antialias, offset 0.1; with registers
antialias, offset 0), since timm's own interpolation differs; their head is linear on [class token | mean patch token].

ReduceFormer is not among timm's models: `make_family_goldens.py` holds what its attention is compared with.
"""

import argparse
import importlib.util
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save_file

LIMIT = 2e-4
DEFAULT = [
    "deit_small_patch16_224",
    "deit_base_distilled_patch16_224",
    "vit_small_patch14_dinov2",
    "vit_small_patch14_reg4_dinov2",
    "deit3_small_patch16_224",
    "vit_small_patch32_224",
    "vit_little_patch16_reg4_gap_256",
    "vit_base_patch32_clip_224",
    "test_vit",
    "test_vit2",
    "test_vit3",
    "efficientvit_m0",
    "efficientvit_m5",
    "efficientvit_b1",
    "efficientvit_b3.r288_in1k",
    "convnext_tiny",
    "swin_tiny_patch4_window7_224",
    "coatnet_0_224",
    "coatnet_0_rw_224",
    "coatnet_1_rw_224",
    "mobilenetv3_large_100",
    "mobilenetv3_small_100",
    "mobilevit_xxs",
    "mobilevit_s",
]
PLAIN = ("vit_", "deit", "test_vit")


def registered(lab: list[str]) -> list[str]:
    """Every model of `lab models` that timm has."""
    lines = subprocess.run(lab + ["models"], check=True, capture_output=True, text=True).stdout.splitlines()
    names = [line.split()[0] for line in lines[2:] if line.strip()]
    return [name for name in names if timm.is_model(name.split(".")[0])]


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights and statistics of a model that is no plain ViT, as the golden cases have them."""
    path = Path(__file__).with_name("make_family_goldens.py")
    spec = importlib.util.spec_from_file_location("make_family_goldens", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.randomize(model, seed)


def spread(model: torch.nn.Module, seed: int) -> None:
    """Weights at which every part of the model matters: timm's own start leaves attention flat and LayerScale at 1e-5."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("gamma"):
                parameter.copy_(0.5 + 0.1 * noise)
            elif "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.1 * noise)
            elif parameter.ndim > 1:
                fan_in = parameter[0].numel() if parameter.ndim != 3 else parameter.shape[-1]
                parameter.copy_(noise * fan_in**-0.5)
            else:
                parameter.copy_(0.05 * noise)


class DINOv2WithHead(torch.nn.Module):
    """A timm DINOv2 backbone with the linear head of its paper."""

    def __init__(self, name: str, classes: int):
        super().__init__()
        self.backbone = timm.create_model(name, img_size=518, dynamic_img_size=True)
        self.head = torch.nn.Linear(2 * self.backbone.embed_dim, classes)

    def resized_positions(self) -> torch.Tensor:
        positions = self.backbone.pos_embed
        registers = self.backbone.num_prefix_tokens > 1
        prefix = 0 if registers else 1
        grid = positions[:, prefix:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
        if registers:
            grid = torch.nn.functional.interpolate(grid, size=(16, 16), mode="bicubic", antialias=True)
        else:
            factor = 16.1 / 37
            grid = torch.nn.functional.interpolate(grid, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat([positions[:, :prefix], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        model = self.backbone
        tokens = model.patch_embed(images)
        tokens = tokens.flatten(1, 2) if tokens.ndim == 4 else tokens
        batch, positions = tokens.shape[0], self.resized_positions()
        special = [model.cls_token.expand(batch, -1, -1)]
        if model.reg_token is not None:
            special.append(model.reg_token.expand(batch, -1, -1))
            tokens = torch.cat(special + [tokens + positions], 1)
        else:
            tokens = torch.cat(special + [tokens], 1) + positions
        tokens = model.norm(model.blocks(tokens))
        patches = tokens[:, model.num_prefix_tokens :]
        return self.head(torch.cat([tokens[:, 0], patches.mean(1)], 1))

    def weights(self) -> dict[str, torch.Tensor]:
        return self.backbone.state_dict() | {f"head.{k}": v for k, v in self.head.state_dict().items()}


def check(name: str, batch: int, lab: list[str], folder: Path) -> float:
    if "dinov2" in name:
        model = DINOv2WithHead(name, 1000)
        spread(model, 1)
        weights = model.weights()
    else:
        model = timm.create_model(name)
        (spread if name.startswith(PLAIN) else randomize)(model, 1)
        weights = model.state_dict()
        if hasattr(model, "distilled_training"):
            model.distilled_training = False
    model.eval()
    side = 224 if "dinov2" in name else model.pretrained_cfg["input_size"][1]
    images = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(2))
    paths = {key: folder / f"{name}.{key}.safetensors" for key in ("weights", "images", "logits")}
    save_file({k: v.contiguous() for k, v in weights.items() if v.ndim > 0}, paths["weights"])
    save_file({"images": images}, paths["images"])
    command = lab + ["predict", "--model", name, "--weights", str(paths["weights"])]
    command += ["--images", str(paths["images"]), "--logits", str(paths["logits"])]
    subprocess.run(command, check=True)
    with torch.inference_mode():
        expected = model(images)
    ours = load_file(paths["logits"])["logits"]
    paths["weights"].unlink()
    return float((ours - expected).abs().max() / (expected.max() - expected.min()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=DEFAULT)
    parser.add_argument("--all", action="store_true", help="every model of `lab models` that timm has")
    parser.add_argument("--out", type=Path, help="a Markdown file for the table")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--lab", default="swift run lab", help="the command that runs lab")
    options = parser.parse_args()
    worst, rows = 0.0, []
    if options.all:
        options.models = registered(shlex.split(options.lab))
    print(f"torch {torch.__version__}, timm {timm.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            share = check(name, options.batch, shlex.split(options.lab), Path(folder))
            worst = max(worst, share)
            rows.append((name, share))
            print(f"{name}: largest difference {share:.1e} of the range of the logits", flush=True)
    if options.out:
        lines = ["| model | largest difference of the logits, share of their range |", "|---|---|"]
        lines += [f"| {name} | {share:.1e} |" for name, share in rows]
        note = (f"Random weights, batch {options.batch}, float32: lab compared with timm {timm.__version__} with torch {torch.__version__}; the limit is "
                f"{LIMIT:.0e} (`Tools/check_against_timm.py --all`).")
        options.out.write_text("\n".join(lines) + f"\n\n{note}\n")
    print("passed" if worst < LIMIT else f"FAILED: the limit is {LIMIT:.0e}")
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
