#!/usr/bin/env python3
"""Train `demo_vit`, the small vision transformer that the program brings along.

    lab dataset demo --split train --count 32000 --out demo/train
    lab dataset demo --split val --count 500 --out demo/val --start 2000
    python3 Tools/train_demo.py --train demo/train --val demo/val --out demo/run --minutes 90

needs torch, timm, numpy, pillow and safetensors. The model is timm's `VisionTransformer` (96 x 96
pixels, patch 8, width 96, 12 blocks, 3 heads, class token) with timm's keys. The validation images
here are only watched; the bars of the model card are measured by `lab run Experiments/demo_bars.json` on other
images (indices 0 to 1999).

Curriculum. A small transformer learns slowly where the few tokens that matter are, so training
begins with them. The generator knows the object's place; `window` below is the 6 x 6 block of
patches around it.

  stage 1  the window alone, placed at the grid's middle at first, then anywhere on the grid
  stage 2  the window and a random sample of the other patches, at their own places; about one batch
           in seven holds all patches
  stage 3  all patches in two batches of three, a random sample of the background in the third

The window is never thinned: the model learns to bear lost background, not lost objects.

Schedule. Everything (learning rate, stages) follows p = time spent / --minutes, not a number of
steps, so that a busy machine cannot leave it unfinished; the steps really done are written to
`log.jsonl` and `summary.json`. Two runs therefore differ in detail even with one seed. A gap of
more than `--longest-step` seconds (the process was stopped) counts as that many. A file named STOP
in the output folder ends the training early: the learning rate goes to zero within three minutes.
"""

import argparse
import copy
import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

GRID = 12
PATCH = 8
WINDOW = 6
CLASSES = 10


def make_model() -> VisionTransformer:
    """The architecture of `demo_vit`."""
    return VisionTransformer(
        img_size=96,
        patch_size=PATCH,
        embed_dim=96,
        depth=12,
        num_heads=3,
        mlp_ratio=4,
        num_classes=CLASSES,
        class_token=True,
        qkv_bias=True,
        global_pool="token",
    )


def set_sine_positions(model: VisionTransformer) -> None:
    """Start the position embedding from sines of row and column: places become comparable."""
    width = model.embed_dim // 4
    frequency = 1.0 / (20.0 ** (torch.arange(width) / width))
    rows, columns = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    parts = []
    for place in (rows, columns):
        angle = place.reshape(-1, 1) * frequency
        parts += [angle.sin(), angle.cos()]
    with torch.no_grad():
        model.pos_embed[0, 1:] = 0.2 * torch.cat(parts, dim=1)


def forward_tokens(model, patches, places):
    """Logits from some patches of each image.

    patches [B, T, 192], normalized; places [B, T], their positions on the 12 x 12 grid.
    """
    weight = model.patch_embed.proj.weight.flatten(1)
    x = F.linear(patches, weight, model.patch_embed.proj.bias)
    x = x + model.pos_embed[0, 1:][places]
    first = (model.cls_token[0] + model.pos_embed[0, :1]).expand(x.shape[0], 1, -1)
    x = model.blocks(torch.cat([first.to(x.dtype), x], dim=1))
    return model.head(model.norm(x[:, 0]))


def load_folder(folder: Path):
    """Images [N, 96, 96, 3] as uint8 and [label, column, row, size] of each [N, 4].

    Both are cached next to the images as .npy.
    """
    cache, notes = folder / "images.npy", folder / "places.npy"
    if not cache.exists():
        from PIL import Image

        lines = (folder / "labels.csv").read_text().splitlines()[1:]
        images = np.empty((len(lines), 96, 96, 3), np.uint8)
        places = np.empty((len(lines), 4), np.int64)
        for i, line in enumerate(lines):
            name, *numbers = line.split(",")
            images[i] = np.asarray(Image.open(folder / name).convert("RGB"))
            places[i] = [int(n) for n in numbers]
        np.save(notes, places)
        np.save(cache, images)
    return np.load(cache, mmap_mode="r"), np.load(notes)


def to_patches(images: torch.Tensor) -> torch.Tensor:
    """uint8 images [B, 96, 96, 3] as patches [B, 144, 192], in the order of timm's embedding."""
    x = images.reshape(-1, GRID, PATCH, GRID, PATCH, 3).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(-1, GRID * GRID, 3 * PATCH * PATCH)


def normalize(patches: torch.Tensor) -> torch.Tensor:
    """Pixel bytes as (value / 255 - 0.5) / 0.5."""
    return patches.float().div_(127.5).sub_(1)


def draw_batch(images, places, size, rng):
    """A batch of augmented images with labels and centers.

    Augmentation: each eighth of the batch gets one of the eight flips and rotations by 90 degrees
    and a random order of the color channels. The generator favors no direction and no channel, so
    both keep the distribution.
    """
    chosen = rng.integers(0, len(images), size)
    labels = places[chosen, 0]
    center = places[chosen, 1:3].copy()
    batch = np.empty((size, 96, 96, 3), np.uint8)
    for part in range(8):
        at = np.arange(part, size, 8)
        x = images[chosen[at]]
        column, row = center[at, 0], center[at, 1]
        if part & 1:
            x, column = x[:, :, ::-1], 95 - column
        if part & 2:
            x, row = x[:, ::-1], 95 - row
        if part & 4:
            x, column, row = x.transpose(0, 2, 1, 3), row, column
        batch[at] = x[..., rng.permutation(3)]
        center[at, 0], center[at, 1] = column, row
    return torch.from_numpy(batch), torch.from_numpy(labels), torch.from_numpy(center)


def window_start(center: torch.Tensor) -> torch.Tensor:
    """First column and row [B, 2] of the window of patches around each center."""
    first = torch.div(center - PATCH * WINDOW // 2 + PATCH // 2, PATCH, rounding_mode="floor")
    return first.clamp(0, GRID - WINDOW)


def window_places(start: torch.Tensor) -> torch.Tensor:
    """Places [B, 36] of the patches of a window that starts at [B, 2] (column, row)."""
    step = torch.arange(WINDOW)
    rows = start[:, 1, None, None] + step[None, :, None]
    columns = start[:, 0, None, None] + step[None, None, :]
    return (rows * GRID + columns).flatten(1)


def take(patches, places):
    """The patches [B, T, 192] at places [B, T]."""
    return patches.gather(1, places[..., None].expand(-1, -1, patches.shape[-1]))


def choose_tokens(patches, center, stage, spread):
    """Patches and grid places of the tokens that a batch of this stage trains on.

    `spread`, 0 to 1, is how far from the grid's middle stage 1 may place the window.
    """
    count = patches.shape[0]
    start = window_start(center)
    inside = window_places(start)
    if stage == 1:
        middle = (GRID - WINDOW) // 2
        reach = round(middle * spread)
        moved = middle + torch.randint(-reach, reach + 1, (count, 2))
        return take(patches, inside), window_places(moved)
    if stage == 3:
        return patches, torch.arange(GRID * GRID).expand(count, -1)
    background = random.choice((12, 24, 36, 48, 60))
    rank = torch.rand(count, GRID * GRID).scatter_(1, inside, 2.0)
    kept = rank.topk(WINDOW * WINDOW + background, dim=1).indices
    return take(patches, kept), kept


@torch.no_grad()
def accuracy(model, patches, places, start=None):
    """Top-1 in percent, on all patches or on the windows from `start` on, put in the middle."""
    hits = 0
    for i in range(0, len(patches), 100):
        x = patches[i : i + 100]
        at = torch.arange(GRID * GRID).expand(len(x), -1)
        if start is not None:
            x = take(x, window_places(start[i : i + 100]))
            at = window_places(torch.full((len(x), 2), (GRID - WINDOW) // 2))
        hits += (
            (forward_tokens(model, normalize(x), at).argmax(1) == places[i : i + 100]).sum().item()
        )
    return 100 * hits / len(patches)


def orthogonalised(update: torch.Tensor) -> torch.Tensor:
    """Nearest matrices [K, m, n] with singular values near 1, by five Newton-Schulz steps.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    """
    flip = update.shape[-2] > update.shape[-1]
    x = update.mT if flip else update
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if flip else x


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised (Muon), for matrices; equal shapes go together."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.05):
        super().__init__(
            list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                updates = []
                for p in params:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(m, group["momentum"]))
                # The root makes the size of an update that of AdamW (Liu et al., Moonlight, 2025).
                size = 0.2 * math.sqrt(max(shape))
                for p, u in zip(params, orthogonalised(torch.stack(updates))):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(
                        u, alpha=-group["lr"] * size
                    )


def make_optimizers(model, args):
    """Optimizers with a peak learning rate; no weight decay on biases, norms and embeddings."""
    matrices, decayed, plain = [], [], []
    for name, p in model.named_parameters():
        if p.ndim < 2 or name in ("pos_embed", "cls_token"):
            plain.append(p)
        elif args.optimizer == "muon" and name.startswith("blocks."):
            matrices.append(p)
        else:
            decayed.append(p)
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizers = [torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98))]
    if matrices:
        optimizers.append(Muon(matrices, lr=args.lr))
    return optimizers


def export(model, path: Path) -> None:
    """Write the weights as F16 safetensors, under another name and then renamed."""
    tensors = {k: v.detach().to(torch.float16).contiguous() for k, v in model.state_dict().items()}
    partial = path.with_suffix(".part")
    save_file(tensors, partial, metadata={"format": "pt"})
    os.replace(partial, path)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--train", type=Path, required=True, help="folder that `lab dataset demo` wrote"
    )
    parser.add_argument("--val", type=Path, required=True, help="another such folder, split val")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and log")
    parser.add_argument(
        "--minutes", type=float, default=90, help="time to train; the schedule follows it"
    )
    parser.add_argument(
        "--stages", type=float, nargs=2, default=(0.15, 0.6), help="p at which stages 2 and 3 begin"
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--optimizer", choices=("adamw", "muon"), default="muon")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--processes", type=int, default=2, help="processes that share each batch")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--longest-step", type=float, default=10, help="seconds; a longer gap counts as this"
    )
    parser.add_argument("--check-seconds", type=float, default=180, help="time between validations")
    return parser.parse_args()


class Clock:
    """Time spent in training, learning rate and end, from the wall clock of rank 0."""

    def __init__(self, args):
        self.args = args
        self.budget = args.minutes * 60
        self.spent = 0.0
        self.stop_at = None
        self.last = time.monotonic()

    def tick(self):
        """Progress p, learning rate and 1.0 if this is the last step."""
        now = time.monotonic()
        self.spent += min(now - self.last, self.args.longest_step)
        self.last = now
        if self.stop_at is None and (self.args.out / "STOP").exists():
            self.stop_at = self.spent
            self.budget = min(self.budget, self.spent + 180)
        p = min(1.0, self.spent / (self.args.minutes * 60))
        rate = self.args.lr * min(1, p / 0.02) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * p)))
        if self.stop_at is not None:
            rate *= max(0.0, 1 - (self.spent - self.stop_at) / 180)
        return p, rate, float(self.spent >= self.budget)


def agree(model, clock, rank, processes):
    """Average the gradients over the processes and tell all rank 0's progress, rate and end."""
    told = torch.tensor(clock.tick() if rank == 0 else (0.0, 0.0, 0.0))
    if processes == 1:
        return told.tolist()
    grads = [q.grad for q in model.parameters()]
    flat = torch.cat([told] + [g.flatten() / processes for g in grads])
    dist.all_reduce(flat)
    parts = flat[3:].split([g.numel() for g in grads])
    for g, part in zip(grads, parts):
        g.copy_(part.view_as(g))
    return flat[:3].tolist()


def choose_stage(p, args, chance):
    """The stage of the next batch; `chance` is uniform in [0, 1)."""
    if p < args.stages[0]:
        return 1
    if p < args.stages[1]:
        return 3 if chance < 0.15 else 2
    return 3 if chance < 0.67 else 2


def train(rank, args):
    torch.set_num_threads(args.threads)
    if args.processes > 1:
        store = f"file://{(args.out / 'rendezvous').resolve()}"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=args.processes)
    # One seed for what the processes must agree on (weights, stage, token count), one for the rest.
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    model = make_model()
    set_sine_positions(model)
    torch.manual_seed(args.seed + 1000 * rank)
    rng = np.random.default_rng(args.seed + 1000 * rank)

    images, places = load_folder(args.train)
    val_images, val_places = load_folder(args.val)
    val_patches = to_patches(torch.from_numpy(np.array(val_images)))
    val_labels = torch.from_numpy(val_places[:, 0])
    val_start = window_start(torch.from_numpy(val_places[:, 1:3]))

    average = copy.deepcopy(model).requires_grad_(False)
    optimizers = make_optimizers(model, args)
    clock = Clock(args)
    share = args.batch // args.processes
    p = checked = 0.0
    step = drawn = 0
    losses, hits = [], []
    ended = False
    while not ended:
        stage = choose_stage(p, args, random.random())
        batch, labels, center = draw_batch(images, places, share, rng)
        spread = min(1.0, max(0.0, (p / args.stages[0] - 0.3) / 0.4))
        patches, at = choose_tokens(to_patches(batch), center, stage, spread)
        logits = forward_tokens(model, normalize(patches), at)
        loss = F.cross_entropy(logits, labels, label_smoothing=0.05)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        p, rate, ended = agree(model, clock, rank, args.processes)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        step += 1
        if rank > 0:
            continue
        with torch.no_grad():
            decay = min(args.ema, step / (step + 20))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        losses.append(loss.item())
        hits.append((logits.argmax(1) == labels).float().mean().item())
        drawn += args.batch
        if clock.spent - checked >= args.check_seconds or ended:
            record = {
                "minutes": round(clock.spent / 60, 2),
                "step": step,
                "images": step * args.batch,
                "p": round(p, 3),
                "rate": rate,
                "loss": round(sum(losses) / len(losses), 4),
                "train_top1": round(100 * sum(hits) / len(hits), 2),
                "images_per_second": round(drawn / max(clock.spent - checked, 1e-9), 1),
                "val_top1": accuracy(average, val_patches, val_labels),
                "val_window_top1": accuracy(average, val_patches, val_labels, val_start),
            }
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(record) + "\n")
            print(json.dumps(record), flush=True)
            export(average, args.out / "demo_vit.safetensors")
            losses, hits, drawn, checked = [], [], 0, clock.spent
    if rank == 0:
        summary = {
            "steps": step,
            "images": step * args.batch,
            "minutes": round(clock.spent / 60, 1),
            "parameters": sum(q.numel() for q in model.parameters()),
            "torch": torch.__version__,
            "arguments": {k: str(v) for k, v in vars(args).items()},
        }
        (args.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def main():
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "rendezvous").unlink(missing_ok=True)
    for folder in (args.train, args.val):
        load_folder(folder)
    if args.processes == 1:
        train(0, args)
    else:
        mp.spawn(train, args=(args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
