#!/usr/bin/env python3
"""Writes the golden cases of the families that are not plain ViTs: small models of timm with random weights.

    python3 -m venv .venv && .venv/bin/pip install -r Tools/requirements.txt
    .venv/bin/python Tools/make_family_goldens.py                     # Tests/Fixtures/families

One safetensors file for each case: `weights.<key>` as timm names them, `images` [B, 3, S, S], `logits` [B, 10], and `stage.<i>` of image 0
(NCHW) behind each stage. The metadata holds the family and its sizes by lab's keys, the script, and the versions. Everything is float32,
in evaluation; weights and images come from fixed seeds. `float64` is the largest difference of the logits from the same model in double
precision: the noise below which a comparison means nothing.
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import safetensors
import timm
import torch
from safetensors.torch import save_file
from timm.models import byobnet, convnext, efficientvit_mit, efficientvit_msra, maxxvit, mobilenetv3, mobilevit, swin_transformer
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models._efficientnet_builder import decode_arch_def, round_channels

CLASSES = 10
# EfficientViT-M's last norm of each residual, which timm begins with zeros.
RESIDUAL_NORMS = ("pw2.bn", "proj.1.bn", "dw0.m.bn", "dw1.m.bn", "res1.0.m.bn", "res2.0.m.bn")


def randomize(model, seed):
    """Weights and statistics at which every part of a model matters."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda shape: torch.randn(shape, generator=generator)
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.copy_(0.1 * normal(module.running_mean.shape))
                module.running_var.copy_(0.8 + 0.4 * torch.rand(module.running_var.shape, generator=generator))
                # A chain of residuals without a norm between them would double its range at each.
                scale = 0.25 if name.endswith(RESIDUAL_NORMS) else 1
                module.weight.copy_(scale * (1 + 0.1 * normal(module.weight.shape)))
                module.bias.copy_(0.1 * normal(module.bias.shape))
        norms = {id(p) for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for p in m.parameters()}
        for name, parameter in model.named_parameters():
            if id(parameter) in norms:
                continue
            noise = normal(parameter.shape)
            if name.endswith("gamma"):
                parameter.copy_(0.5 + 0.1 * noise)
            elif "norm" in name and name.endswith("weight") or name.endswith(("stem.1.weight", "downsample.0.weight", "classifier.1.weight")):
                parameter.copy_(1 + 0.1 * noise)
            elif "attention_biases" in name or "bias_table" in name:
                parameter.copy_(0.5 * noise)
            elif parameter.ndim > 1:
                parameter.copy_(noise * parameter[0].numel() ** -0.5)
            else:
                parameter.copy_(0.1 * noise)
    return model.eval()


def msra(size):
    sizes = {"embed_dims": [16, 18, 24], "depths": [1, 2, 1], "num_heads": [2, 3, 2], "kernels": [5, 3, 7], "key_dim": 8}
    model = efficientvit_msra.EfficientVitMsra(
        img_size=size, num_classes=CLASSES, embed_dim=sizes["embed_dims"], key_dim=[8] * 3, depth=sizes["depths"],
        num_heads=sizes["num_heads"], kernels=sizes["kernels"])
    return "efficientvit_msra", sizes, model, [model.stages[i] for i in range(3)]


def mit(size):
    sizes = {"widths": [8, 8, 12, 16, 32], "depths": [1, 2, 2, 1, 2], "head_dim": 8, "head_widths": [32, 24]}
    model = efficientvit_mit.EfficientVit(
        num_classes=CLASSES, widths=sizes["widths"], depths=sizes["depths"], head_dim=8, head_widths=sizes["head_widths"])
    return "efficientvit_mit", sizes, model, list(model.stages)


def reduceformer(size):
    """EfficientViT-B's frame with ReduceFormer's attention, as the model's page in lab describes it."""
    family, sizes, model, stages = mit(size)

    def attend(self, x):
        batch, _, height, width = x.shape
        fine = self.qkv(x)
        scales = torch.cat([fine, self.aggreg[0][0](fine)], 1).reshape(batch, -1, 3, self.dim, height * width)
        q, k, v = torch.relu(scales[:, :, 0]), torch.relu(scales[:, :, 1]), scales[:, :, 2]
        values, keys = (k * v).sum(-1, keepdim=True), k.sum(-1, keepdim=True)
        out = q * values / (q * keys).sum(2, keepdim=True).clamp(min=1e-15)
        return self.proj(out.reshape(batch, -1, height, width))

    for module in model.modules():
        if isinstance(module, efficientvit_mit.LiteMLA):
            module.aggreg[0] = torch.nn.Sequential(module.aggreg[0][0])
            module.forward = partial(attend, module)
    return "reduceformer", sizes, model, stages


def convnext_(size):
    sizes = {"dims": [12, 16, 24, 32], "depths": [1, 2, 2, 1]}
    model = convnext.ConvNeXt(num_classes=CLASSES, dims=sizes["dims"], depths=sizes["depths"])
    return "convnext", sizes, model, list(model.stages)


def swin(size):
    sizes = {"embed_dim": 8, "depths": [2, 2, 2], "num_heads": [1, 2, 2], "window_size": 4}
    model = swin_transformer.SwinTransformer(img_size=size, num_classes=CLASSES, **sizes)
    return "swin", sizes, model, list(model.layers)


def coatnet(size, rw, pooled=False):
    sizes = {"dims": [12, 16, 24, 32], "depths": [2, 1, 2, 2], "stem_widths": [8, 12], "rw": rw, "pool_stride": pooled, "head_dim": 8}
    if rw:
        parts = maxxvit._rw_coat_cfg(stride_mode="pool" if pooled else "dw", conv_attn_early=True, transformer_shortcut_bias=False)
        parts["transformer_cfg"] = replace(parts["transformer_cfg"], dim_head=8)
    else:
        parts = {"transformer_cfg": maxxvit.MaxxVitTransformerCfg(dim_head=8), "head_hidden_size": 32}
    cfg = maxxvit.MaxxVitCfg(embed_dim=tuple(sizes["dims"]), depths=tuple(sizes["depths"]), stem_width=(8, 12), **parts)
    model = maxxvit.MaxxVit(cfg, img_size=size, num_classes=CLASSES)
    return "coatnet", sizes, model, list(model.stages)


def mobilenet(size):
    sizes = {"blocks": [["ds_r1_k3_s1_e1_c8_se0.25_nre"], ["ir_r2_k3_s2_e3.67_c16_nre"], ["ir_r1_k5_s2_e2.5_c24_se0.25", "ir_r1_k5_s1_e2_c24_se0.25"],
                        ["cn_r1_k1_s1_c48"]], "stem_width": 8, "head_width": 32}
    model = mobilenetv3.MobileNetV3(
        decode_arch_def(sizes["blocks"]), num_classes=CLASSES, num_features=32, stem_size=8, fix_stem=True,
        round_chs_fn=round_channels, act_layer=torch.nn.Hardswish,
        se_layer=partial(SqueezeExcite, gate_layer="hard_sigmoid", force_act_layer=torch.nn.ReLU, rd_round_fn=round_channels))
    return "mobilenetv3", sizes, model, list(model.blocks)


def mobilevit_(size):
    sizes = {"widths": [8, 8, 8, 16, 16], "transformer_dims": [8, 12, 16], "transformer_depths": [1, 2, 1], "stem_width": 8,
             "expansion": 2, "head_width": 32}
    blocks = [mobilevit._inverted_residual_block(d=1, c=8, s=1, br=2.0), mobilevit._inverted_residual_block(d=3, c=8, s=2, br=2.0)]
    for width, dim, depth in zip(sizes["widths"][2:], sizes["transformer_dims"], sizes["transformer_depths"]):
        blocks.append(mobilevit._mobilevit_block(d=1, c=width, s=2, transformer_dim=dim, transformer_depth=depth, patch_size=2, br=2.0))
    cfg = byobnet.ByoModelCfg(
        blocks=tuple(blocks), stem_chs=8, stem_type="3x3", stem_pool="", downsample="", act_layer="silu", num_features=32)
    model = byobnet.ByobNet(cfg, num_classes=CLASSES)
    return "mobilevit", sizes, model, list(model.stages)


CASES = {
    "efficientvit_msra_128": (msra, 128, 1), "efficientvit_mit_96": (mit, 96, 1), "reduceformer_64": (reduceformer, 64, 2),
    "convnext_64": (convnext_, 64, 2), "swin_64": (swin, 64, 2), "coatnet_64": (partial(coatnet, rw=False), 64, 2),
    "coatnet_rw_64": (partial(coatnet, rw=True), 64, 1), "coatnet_rw_pool_64": (partial(coatnet, rw=True, pooled=True), 64, 1),
    "mobilenetv3_64": (mobilenet, 64, 2), "mobilevit_128": (mobilevit_, 128, 1),
}


def write(name, make, size, batch, seed, folder):
    torch.manual_seed(seed)
    family, sizes, model, stages = make(size)
    model = randomize(model, seed)
    images = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(seed + 1000))
    tensors = {f"weights.{key}": value.contiguous() for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}

    def keep(index):
        def hook(_, __, output):
            # Swin's maps are NHWC.
            tensors[f"stage.{index}"] = (output.permute(0, 3, 1, 2) if family == "swin" else output)[:1].clone().contiguous()
        return hook

    hooks = [stage.register_forward_hook(keep(index)) for index, stage in enumerate(stages)]
    with torch.inference_mode():
        tensors["logits"] = model(images)
        for hook in hooks:
            hook.remove()
        model.double()
        noise = float((model(images.double()) - tensors["logits"]).abs().max())
    tensors["images"] = images
    metadata = {
        "family": family, "architecture": json.dumps(sizes | {"image_size": size, "num_classes": CLASSES}),
        "script": "Tools/make_family_goldens.py", "versions": f"torch {torch.__version__}, timm {timm.__version__}",
        "float64": f"{noise:.1e}"}
    path = folder / f"{name}.safetensors"
    save_file(tensors, path, metadata)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB, logits {tensors['logits'].std():.2f}, float64 {noise:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("Tests/Fixtures/families"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for seed, (name, (make, size, batch)) in enumerate(CASES.items()):
        write(name, make, size, batch, seed, options.out)


if __name__ == "__main__":
    main()
