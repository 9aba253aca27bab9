"""Writes hf_swin, hf_convnext and hf_mobilevit of Tests/Fixtures/layouts: small models of Hugging Face's own classes.

    python make_hybrid_layouts.py      # torch 2.15.0, transformers 5.24.0

Each is stored under the names that transformers publishes, and Swin under those of its modules too. `hybrid_logits.safetensors` holds what
the classes compute for `images`; MobileViT, whose images have blue first, was given them turned around.
"""

import pathlib
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "layouts"
SIDE, CLASSES = 64, 5
generator = torch.Generator().manual_seed(23)


def normal(shape):
    return torch.randn(shape, generator=generator)


def spread(model):
    """Weights and statistics with which every part of a model affects the result."""
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            is_scale = name.endswith("weight") and parameter.ndim == 1 or "layer_scale" in name
            parameter.copy_(is_scale + normal(parameter.shape) * (0.25 if parameter.ndim > 1 else 0.1))
        for name, buffer in sorted(model.named_buffers()):
            if name.endswith("running_mean"):
                buffer.copy_(0.1 * normal(buffer.shape))
            if name.endswith("running_var"):
                buffer.copy_(0.8 + 0.4 * torch.rand(buffer.shape, generator=generator))
    return model.eval()


images = normal((2, 3, SIDE, SIDE))
logits = {"images": images}
for name, config, kind, sizes in [
    ("hf_swin", transformers.SwinConfig, transformers.SwinForImageClassification,
     dict(patch_size=4, embed_dim=8, depths=[1, 2, 1], num_heads=[1, 2, 2], window_size=4)),
    ("hf_convnext", transformers.ConvNextConfig, transformers.ConvNextForImageClassification,
     dict(hidden_sizes=[8, 8, 12, 16], depths=[1, 1, 2, 1])),
    ("hf_mobilevit", transformers.MobileViTConfig, transformers.MobileViTForImageClassification,
     dict(hidden_sizes=[8, 8, 12], neck_hidden_sizes=[8, 8, 8, 16, 8, 8, 16], expand_ratio=2.0)),
]:
    model = spread(kind(config(image_size=SIDE, num_labels=CLASSES, **sizes)))
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        shutil.copyfile(f"{place}/model.safetensors", folder / f"{name}.safetensors")
    if name == "hf_swin":
        own = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
        save_file(own, folder / f"{name}_modules.safetensors")
    with torch.inference_mode():
        logits[name] = model(images.flip(1) if name == "hf_mobilevit" else images).logits
save_file({k: v.contiguous() for k, v in logits.items()}, folder / "hybrid_logits.safetensors")
