"""Writes Tests/Fixtures/variants: small timm vision transformers that differ from ViT in one part, with their logits.

    python make_variants.py      # torch 2.15.0, timm 1.0.31

Each `NAME.safetensors` has timm's tensors of the model; `logits.safetensors` the logits of `images` (and of `larger`, at another size,
for the three ways to bring positions to another grid).
"""

import pathlib

import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

folder = pathlib.Path(__file__).parent / "variants"
folder.mkdir(exist_ok=True)
generator = torch.Generator().manual_seed(29)
SIZES = dict(img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=5)


def spread(model):
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            scale = 1 if "norm" in name and name.endswith("weight") else 0
            parameter.copy_(scale + noise * (0.25 if parameter.ndim > 1 else 0.1))
    return model.eval()


images = torch.randn(2, 3, 32, 32, generator=generator)
logits = {"images": images}
for name, more in {
    "deit3": dict(init_values=1e-5, no_embed_class=True),
    "patch4": dict(patch_size=4),
    "mean": dict(class_token=False, global_pool="avg"),
    "mean_of_all": dict(reg_tokens=2, global_pool="avg", pool_include_prefix=True, fc_norm=False, no_embed_class=True),
    "registers": dict(class_token=False, reg_tokens=1, global_pool="avg", init_values=1e-5),
    "token_fc_norm": dict(fc_norm=True),
    "heads": dict(qkv_bias=False, qk_norm=True),
    "norm_pre": dict(pre_norm=True, norm_layer=lambda width, **k: torch.nn.LayerNorm(width, eps=1e-5)),
    "pool": dict(class_token=False, reg_tokens=1, global_pool="map", pool_include_prefix=True, mlp_ratio=2),
    "pool_of_patches": dict(reg_tokens=1, global_pool="map", no_embed_class=True),
}.items():
    model = spread(VisionTransformer(**(SIZES | more)))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / f"{name}.safetensors")
    with torch.inference_mode():
        logits[name] = model(images)

# DINOv2's larger head: the class tokens of the last four blocks and the mean patch token, all normalized
# (dinov2/hub/classifiers.py, `_LinearClassifierWrapper` with `layers=4`).
model = spread(VisionTransformer(**(SIZES | dict(depth=5, init_values=1e-5, num_classes=0))))
head = torch.nn.Linear(5 * 16, 5)
spread(head)
with torch.inference_mode():
    blocks = model.get_intermediate_layers(images, n=4, return_prefix_tokens=True, norm=True)
    features = torch.cat([prefix[:, 0] for _, prefix in blocks] + [blocks[-1][0].mean(1)], 1)
    logits["last_four"] = head(features)
save_file(
    {k: v.contiguous() for k, v in model.state_dict().items()} | {f"head.{k}": v for k, v in head.state_dict().items()},
    folder / "last_four.safetensors",
)

# Position embeddings of a 4x4 grid resampled to 6x6 and 3x3 as in each project (timm; dinov2; transformers).
grid = torch.randn(1, 4, 4, 8, generator=generator)
logits["grid"] = grid
picture = grid.permute(0, 3, 1, 2)
for side in (3, 6):
    resized = {
        "timm": torch.nn.functional.interpolate(picture, size=(side, side), mode="bicubic", antialias=True),
        "dinov2": torch.nn.functional.interpolate(picture, scale_factor=(side + 0.1) / 4, mode="bicubic"),
        "hugging_face": torch.nn.functional.interpolate(picture, size=(side, side), mode="bicubic", align_corners=False),
    }
    for project, value in resized.items():
        logits[f"{project}_{side}"] = value.permute(0, 2, 3, 1)
save_file({k: v.contiguous() for k, v in logits.items()}, folder / "logits.safetensors")
print(timm.__version__, torch.__version__)
