"""Writes the files of Tests/Fixtures/layouts: one small vision transformer with the tensor names of every project.

    python make_layouts.py      # torch 2.15.0, timm 1.0.31, transformers 5.24.0, numpy 2.4.6

`vit.safetensors` and the others of its kind hold the same numbers under other names, written by the projects' own classes where they
are at hand (timm, transformers), else under the names of their source. `logits.safetensors` holds what each model's own classes
compute for `images`.
"""

import pathlib
import shutil
import tempfile

import numpy as np
import timm
import torch
import transformers
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "layouts"
folder.mkdir(exist_ok=True)
WIDTH, DEPTH, HEADS, SIDE, PATCH, CLASSES = 16, 2, 2, 32, 8, 5
generator = torch.Generator().manual_seed(11)


def spread(model):
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            scale = 1 if "norm" in name and name.endswith("weight") else 0
            parameter.copy_(scale + noise * (0.25 if parameter.ndim > 1 else 0.1))
    return model.eval()


images = torch.randn(2, 3, SIDE, SIDE, generator=generator)
logits = {"images": images}
sizes = dict(hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH,
             image_size=SIDE, patch_size=PATCH, num_labels=CLASSES)


def save(name, tensors):
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, folder / f"{name}.safetensors")


# Hugging Face: its own classes.
for name, config, kind, more in [
    ("hf_vit", transformers.ViTConfig, transformers.ViTForImageClassification, dict(layer_norm_eps=1e-6)),
    ("hf_deit", transformers.DeiTConfig, transformers.DeiTForImageClassificationWithTeacher, dict(layer_norm_eps=1e-6)),
    ("hf_dinov2", transformers.Dinov2Config, transformers.Dinov2ForImageClassification, {}),
    ("hf_dinov2_swiglu", transformers.Dinov2Config, transformers.Dinov2ForImageClassification, dict(use_swiglu_ffn=True)),
    ("hf_dinov2_reg", transformers.Dinov2WithRegistersConfig, transformers.Dinov2WithRegistersForImageClassification, {}),
]:
    model = spread(kind(config(**sizes, **more)))
    # With the published names, which differ from those of its modules.
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        shutil.copyfile(f"{place}/model.safetensors", folder / f"{name}.safetensors")
    if name in ["hf_vit", "hf_dinov2_reg"]:
        save(f"{name}_modules", model.state_dict())
    with torch.inference_mode():
        logits[name] = model(images).logits

# timm, and the same weights with other projects' names.
model = spread(timm.models.VisionTransformer(
    img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=CLASSES))
state = {k: v.detach() for k, v in model.state_dict().items()}
with torch.inference_mode():
    logits["vit"] = model(images)
save("vit", state)


def torchvision(mlp):
    names = {"cls_token": "class_token", "pos_embed": "encoder.pos_embedding"}
    result = {}
    for key, value in state.items():
        new = names.get(key, key)
        for a, b in [("patch_embed.proj", "conv_proj"), ("head.", "heads.head."), ("blocks.", "encoder.layers.encoder_layer_"),
                     ("attn.qkv.", "self_attention.in_proj_"), ("attn.proj", "self_attention.out_proj"),
                     ("norm1", "ln_1"), ("norm2", "ln_2"), ("mlp.fc1", mlp[0]), ("mlp.fc2", mlp[1])]:
            new = new.replace(a, b)
        result["encoder.ln." + key[5:] if key.startswith("norm.") else new] = value
    return result


save("torchvision", torchvision(("mlp.linear_1", "mlp.linear_2")))
save("torchvision_new", torchvision(("mlp.0", "mlp.3")))

# Google's archive.
n = lambda key: state[key].numpy()
head = WIDTH // HEADS
archive = {
    "cls": n("cls_token"), "Transformer/posembed_input/pos_embedding": n("pos_embed"),
    "embedding/kernel": n("patch_embed.proj.weight").transpose(2, 3, 1, 0), "embedding/bias": n("patch_embed.proj.bias"),
    "Transformer/encoder_norm/scale": n("norm.weight"), "Transformer/encoder_norm/bias": n("norm.bias"),
    "head/kernel": n("head.weight").T, "head/bias": n("head.bias"),
    "pre_logits/kernel": np.eye(WIDTH, dtype=np.float32), "pre_logits/bias": np.zeros(WIDTH, np.float32),
}
for i in range(DEPTH):
    block, place = f"blocks.{i}.", f"Transformer/encoderblock_{i}/"
    for ours, theirs in [("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")]:
        archive[place + theirs + "/scale"], archive[place + theirs + "/bias"] = n(block + ours + ".weight"), n(block + ours + ".bias")
    attention = place + "MultiHeadDotProductAttention_1/"
    for part, name in enumerate(["query", "key", "value"]):
        rows = slice(part * WIDTH, (part + 1) * WIDTH)
        archive[attention + name + "/kernel"] = n(block + "attn.qkv.weight")[rows].T.reshape(WIDTH, HEADS, head)
        archive[attention + name + "/bias"] = n(block + "attn.qkv.bias")[rows].reshape(HEADS, head)
    archive[attention + "out/kernel"] = n(block + "attn.proj.weight").T.reshape(HEADS, head, WIDTH)
    archive[attention + "out/bias"] = n(block + "attn.proj.bias")
    for dense, fc in enumerate(["fc1", "fc2"]):
        archive[place + f"MlpBlock_3/Dense_{dense}/kernel"] = n(block + f"mlp.{fc}.weight").T
        archive[place + f"MlpBlock_3/Dense_{dense}/bias"] = n(block + f"mlp.{fc}.bias")
np.savez(folder / "google.npz", **archive)
np.savez(folder / "google_optimizer.npz", **{"opt/target/" + k: v for k, v in archive.items()})

# The official repositories of DeiT and EViT: wrapped, with training state, and with heads that no classifier reads.
average = {k: v + 1 for k, v in state.items()}
torch.save({"model": state, "model_ema": average, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
           folder / "training.pth")
torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}
            | {"module.head_dist.weight": state["head.weight"], "module.head_dist.bias": state["head.bias"],
               "module.score_predictor.0.in_conv.0.weight": torch.ones(WIDTH)}}, folder / "parallel.pth")

# DINOv2's hub: backbone and classifier separately and together.
for name in ["hf_dinov2", "hf_dinov2_swiglu", "hf_dinov2_reg"]:
    from safetensors.torch import load_file

    theirs = load_file(folder / f"{name}.safetensors")
    hub = {}
    for key, value in theirs.items():
        key = key.removeprefix("dinov2_with_registers.").removeprefix("dinov2.")
        for a, b in [("embeddings.patch_embeddings.projection", "patch_embed.proj"), ("embeddings.position_embeddings", "pos_embed"),
                     ("embeddings.", ""), ("encoder.layer.", "blocks."), ("attention.output.dense", "attn.proj"),
                     ("layer_scale1.lambda1", "ls1.gamma"), ("layer_scale2.lambda1", "ls2.gamma"), ("layernorm", "norm"),
                     ("mlp.weights_in", "mlp.w12"), ("mlp.weights_out", "mlp.w3")]:
            key = key.replace(a, b)
        hub[key] = value
    for i in range(DEPTH):
        for kind in ["weight", "bias"]:
            parts = [hub.pop(f"blocks.{i}.attention.attention.{p}.{kind}") for p in ["query", "key", "value"]]
            hub[f"blocks.{i}.attn.qkv.{kind}"] = torch.cat(parts)
    classifier = {k.removeprefix("classifier."): hub.pop(k) for k in ["classifier.weight", "classifier.bias"]}
    stem = name.replace("hf_", "hub_")
    torch.save(hub, folder / f"{stem}_backbone.pth")
    if name == "hf_dinov2":
        torch.save(classifier, folder / "hub_dinov2_head.pth")
    torch.save({f"backbone.{k}": v for k, v in hub.items()} | {f"linear_head.{k}": v for k, v in classifier.items()},
               folder / f"{stem}.pth")

# Hugging Face's distilled DeiT after fine-tuning: with one classifier, of the class token. Drawn last, so that the weights of all others stay the same.
model = spread(transformers.DeiTForImageClassification(transformers.DeiTConfig(**sizes, layer_norm_eps=1e-6)))
with tempfile.TemporaryDirectory() as place:
    model.save_pretrained(place)
    shutil.copyfile(f"{place}/model.safetensors", folder / "hf_deit_one_head.safetensors")
with torch.inference_mode():
    logits["hf_deit_one_head"] = model(images).logits

save_file({k: v.contiguous() for k, v in logits.items()}, folder / "logits.safetensors")
