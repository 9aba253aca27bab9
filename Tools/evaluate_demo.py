#!/usr/bin/env python3
"""Measure the demo model's bars in PyTorch, apart from the program's own arithmetic.

    lab dataset demo --split val --count 2000 --out demo/bars
    python3 Tools/evaluate_demo.py --images demo/bars --weights Datasets/demo/demo_vit.safetensors

prints top-1 in percent, with its 95 % interval, of

  none         the whole model
  random       72 of the 144 patch tokens removed before block 0, one seeded choice per image
  tail_effect  72 tokens fewer after the attention of block 3: the 71 best patches, then the mean
               of the others

and which share of the patches that the object touches tail_effect kept. `train_demo.py` says what
must be installed.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from train_demo import (
    GRID,
    PATCH,
    forward_tokens,
    load_folder,
    make_model,
    normalize,
    take,
    to_patches,
)

PATCHES = GRID * GRID


def wilson(hits, count):
    """95 % interval of a rate, in percent (Wilson, 1927)."""
    z, p = 1.96, hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return round(100 * (middle - half), 2), round(100 * (middle + half), 2)


def with_tail_effect(model, patches, removed, layer):
    """Logits and kept patches with `removed` tokens fewer from block `layer` on.

    a_j = sum over patch rows i of max over heads of A[i, j], divided by its largest in the image;
    v_j = softmax over all tokens of the sum over features of max over heads of V[j]; the score is
    a + v. Kept patches in descending score, then the plain mean of the others.

    Source: "Reducing Vision Transformer Latency on Edge Devices via GPU Tail Effect and
    Training-free Token Pruning", 2024.
    """
    x = torch.cat(
        [
            model.cls_token.expand(len(patches), -1, -1),
            torch.nn.functional.linear(
                patches, model.patch_embed.proj.weight.flatten(1), model.patch_embed.proj.bias
            ),
        ],
        dim=1,
    )
    x = x + model.pos_embed
    kept = None
    for number, block in enumerate(model.blocks):
        if number != layer:
            x = block(x)
            continue
        b, n, c = x.shape
        heads = block.attn.num_heads
        q, k, v = (
            block.attn.qkv(block.norm1(x))
            .reshape(b, n, 3, heads, c // heads)
            .permute(2, 0, 3, 1, 4)
        )
        attention = (q @ k.mT * (c // heads) ** -0.5).softmax(-1)
        x = x + block.attn.proj((attention @ v).transpose(1, 2).reshape(b, n, c))
        received = attention.amax(1)[:, 1:, 1:].sum(1)
        score = received / received.amax(1, keepdim=True)
        score = score + v.amax(1).sum(-1).softmax(-1)[:, 1:]
        order = score.sort(dim=1, descending=True, stable=True).indices
        best = n - removed - 2
        rest = take(x[:, 1:], order[:, best:]).mean(1, keepdim=True)
        x = torch.cat([x[:, :1], take(x[:, 1:], order[:, :best]), rest], dim=1)
        x = x + block.mlp(block.norm2(x))
        kept = order[:, :best]
    return model.head(model.norm(x[:, 0])), kept


def touches_object(places):
    """Which patches [N, 144] the circle around each object reaches into."""
    edge = torch.arange(GRID) * PATCH
    nearest_x = places[:, 1, None].clamp(edge, edge + PATCH - 1) - places[:, 1, None]
    nearest_y = places[:, 2, None].clamp(edge, edge + PATCH - 1) - places[:, 2, None]
    squared = nearest_y[:, :, None] ** 2 + nearest_x[:, None, :] ** 2
    return (4 * squared <= places[:, 3, None, None] ** 2).flatten(1)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, required=True, help="folder that `lab dataset demo` wrote"
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument(
        "--count", type=int, default=2000, help="how many of the folder's images, from the first"
    )
    parser.add_argument("--removed", type=int, default=72, help="tokens removed")
    parser.add_argument("--layer", type=int, default=3, help="block of tail_effect, from 0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    images, places = load_folder(args.images)
    images, places = images[: args.count], torch.from_numpy(places[: args.count].copy())
    model = make_model().eval()
    model.load_state_dict({k: v.float() for k, v in load_file(args.weights).items()})
    generator = torch.Generator().manual_seed(args.seed)

    hits = {"none": 0, "random": 0, "tail_effect": 0}
    by_class = torch.zeros(10, 2)
    found = torch.zeros(2)
    for i in range(0, len(images), 100):
        pixels = torch.from_numpy(images[i : i + 100].copy())
        patches, labels = normalize(to_patches(pixels)), places[i : i + 100, 0]
        everywhere = torch.arange(PATCHES).expand(len(labels), -1)
        correct = forward_tokens(model, patches, everywhere).argmax(1) == labels
        hits["none"] += correct.sum().item()
        by_class[:, 0] += torch.bincount(labels[correct], minlength=10)
        by_class[:, 1] += torch.bincount(labels, minlength=10)

        rank = torch.rand(len(labels), PATCHES, generator=generator)
        kept = rank.argsort(1)[:, args.removed :].sort(1).values
        logits = forward_tokens(model, take(patches, kept), kept)
        hits["random"] += (logits.argmax(1) == labels).sum().item()

        logits, kept = with_tail_effect(model, patches, args.removed, args.layer)
        hits["tail_effect"] += (logits.argmax(1) == labels).sum().item()
        object_patches = touches_object(places[i : i + 100])
        found += torch.tensor([object_patches.gather(1, kept).sum(), object_patches.sum()])

    count = len(images)
    for method, number in hits.items():
        print(
            json.dumps(
                {
                    "method": method,
                    "top1": round(100 * number / count, 2),
                    "interval95": wilson(number, count),
                    "loss": round(100 * (hits["none"] - number) / count, 2),
                }
            )
        )
    print(
        json.dumps(
            {
                "images": count,
                "object_patches_kept_by_tail_effect": round(100 * (found[0] / found[1]).item(), 1),
                "top1_of_each_class": [round(100 * a / b, 1) for a, b in by_class.tolist()],
            }
        )
    )


if __name__ == "__main__":
    main()
