"""The arithmetic of three published token-reduction methods on timm's vision transformers, for timing.

`Pruned(model, method, ...)` is a module with the model's weights that removes tokens between the attention residual and
the MLP of a block, as the authors' code does:

- tail_effect (Pruning One More Token is Enough, WACV 2025): once, at one block; scores from the whole attention matrix and
  the values; keeps the best patch tokens in descending order, then the mean of the others; the attention term is divided by its maximum over the batch;
- topk (the same paper's baseline): removes r tokens at every block, by the class token's attention averaged over heads;
- tome (Bolya et al., arXiv:2210.09461): merges r tokens at every block, by bipartite matching on the mean key, with proportional attention.

A block whose attention matrix is not needed uses PyTorch's fused attention, which the authors' code does not, so the peers are timed at
their best. Only models with one prefix token are supported, because that is what all three publish.

    python3 Benchmarks/pruning.py            # compares the three with the project's golden logits

Needs torch, timm, safetensors and numpy.
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

METHODS = ("tail_effect", "tome", "topk")


class Pruned(nn.Module):
    """A timm VisionTransformer with one prefix token and a method."""

    def __init__(self, model: nn.Module, method: str, r: int, layer: int = 0):
        super().__init__()
        if method not in METHODS:
            raise ValueError(f"{method} is none of {', '.join(METHODS)}")
        if model.num_prefix_tokens != 1:
            raise ValueError(f"{model.num_prefix_tokens} prefix tokens; only models with a class token alone are known")
        self.model, self.method, self.r, self.layer = model, method, r, layer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        model = self.model
        x = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(images))))
        size = None
        for index, block in enumerate(model.blocks):
            reduces = self.method != "tail_effect" or index == self.layer
            y, q, k, v, attention = self.attend(block, x, size, reduces and self.method != "tome")
            x = x + block.ls1(y)
            if reduces:
                if self.method == "tail_effect":
                    x = tail_effect(x, attention, v, self.r)
                elif self.method == "topk":
                    x = topk(x, attention, self.r)
                else:
                    x, size = tome(x, k.mean(1), size, self.r)
            x = x + block.ls2(block.mlp(block.norm2(x)))
        return model.forward_head(model.norm(x))

    @staticmethod
    def attend(block, x, size, needs_matrix):
        """The attention's output with q, k, v [B, H, N, d] and, if needed, the matrix [B, H, N, N]."""
        part = block.attn
        batch, tokens, width = x.shape
        qkv = part.qkv(block.norm1(x)).reshape(batch, tokens, 3, part.num_heads, part.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attention = None
        if needs_matrix:
            attention = ((q * part.scale) @ k.transpose(-2, -1)).softmax(-1)
            y = attention @ v
        else:
            bias = None if size is None else size.log()[:, None, None, :, 0]
            y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return part.proj(y.transpose(1, 2).reshape(batch, tokens, width)), q, k, v, attention


def gather(x, index):
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


def tail_effect(x, attention, v, r):
    tokens = x.shape[1]
    keep = tokens - r - 2
    if r == 0 or tokens - 1 <= keep or keep < 1:
        return x
    received = attention.amax(1)[:, 1:, 1:].sum(1)
    received = received / received.max()
    values = v.amax(1).sum(-1).softmax(-1)[:, 1:]
    order = (received + values).argsort(dim=-1, descending=True) + 1
    kept, rest = gather(x, order[:, :keep]), gather(x, order[:, keep:])
    return torch.cat([x[:, :1], kept, rest.mean(1, keepdim=True)], 1)


def topk(x, attention, r):
    keep = x.shape[1] - r - 1
    if r == 0 or keep < 1:
        return x
    best = attention.mean(1)[:, 0, 1:].topk(keep, dim=-1).indices + 1
    return torch.cat([x[:, :1], gather(x, best)], 1)


def tome(x, metric, size, r):
    """Merges tokens at even positions into the most similar token at an odd position; output order: even ones that stay, then all odd ones."""
    tokens = x.shape[1]
    r = min(r, (tokens - 1) // 2)
    if size is None:
        size = torch.ones_like(x[..., :1])
    if r <= 0:
        return x, size
    metric = metric / metric.norm(dim=-1, keepdim=True)
    scores = metric[:, ::2] @ metric[:, 1::2].transpose(-1, -2)
    scores[:, 0, :] = -torch.inf
    best, partner = scores.max(-1)
    order = best.argsort(dim=-1, descending=True)
    gone, stay = order[:, :r], order[:, r:].sort(dim=-1).values
    into = partner.gather(1, gone)

    def merge(values):
        even, odd = values[:, ::2], values[:, 1::2]
        index = into[..., None].expand(-1, -1, values.shape[-1])
        return torch.cat([gather(even, stay), odd.scatter_add(1, index, gather(even, gone))], 1)

    merged, sizes = merge(x * size), merge(size)
    return merged / sizes, sizes


def check(goldens: Path) -> bool:
    """Compares the methods with logits computed by the authors' code on a small random model."""
    import timm
    from safetensors.torch import load_file

    model = timm.models.VisionTransformer(
        img_size=96, patch_size=16, embed_dim=64, depth=6, num_heads=4, num_classes=10).eval()
    model.load_state_dict(load_file(goldens / "weights" / "vit_micro.safetensors"))
    images = load_file(goldens / "images.safetensors")["images"]
    cases = {
        "pomt__l1_R12_b4": ("tail_effect", 12, 1), "tome__r4_prop_b4": ("tome", 4, 0), "topk__r3_all_b4": ("topk", 3, 0)}
    good = True
    for case, (method, r, layer) in cases.items():
        expected = load_file(goldens / "cases" / f"vit_micro__{case}.safetensors")["logits"]
        with torch.inference_mode():
            difference = (Pruned(model, method, r, layer)(images) - expected).abs().max().item()
        print(f"{method:12} largest difference of a logit {difference:.1e}")
        good = good and difference < 1e-4
    return good


if __name__ == "__main__":
    sys.exit(0 if check(Path(__file__).parent.parent / "Tests" / "Fixtures" / "goldens") else 1)
