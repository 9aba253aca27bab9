"""Writes resize.safetensors: small pictures resized and center-cropped as torchvision does on Pillow images.

    python3 make_resize.py        # needs numpy, Pillow, safetensors

`<width>x<height>` [height, width, 3] and `<filter>_<fit>_<width>x<height>_<resize>_<crop>`
[crop, crop, 3], 8 bits. Needs Pillow 13 or later: where the height shrinks by more than twice what the width
does, its resize begins with the rows.
"""

from pathlib import Path

import numpy as np
import PIL
from PIL import Image
from safetensors.numpy import save_file

SIZES = [(29, 23, 48, 40), (23, 29, 24, 21), (97, 41, 32, 32), (41, 97, 33, 30), (1, 1, 8, 7), (5, 190, 16, 16),
         (200, 3, 9, 8), (64, 64, 64, 64), (64, 80, 64, 60), (130, 131, 17, 16), (40, 121, 20, 18), (37, 90, 31, 30),
         (60, 200, 58, 50), (16, 77, 24, 24)]


def main():
    rng = np.random.default_rng(7)
    tensors = {}
    for width, height, _, _ in SIZES:
        tensors[f"{width}x{height}"] = rng.integers(0, 256, (height, width, 3), np.uint8)
    for filter in ("bilinear", "bicubic"):
        for fit in ("shorter_side", "both_sides"):
            for width, height, resize, crop in SIZES:
                image = Image.fromarray(tensors[f"{width}x{height}"])
                size = (resize, resize)
                if fit == "shorter_side":
                    short, long = sorted((width, height))
                    longer = int(resize * long / short)
                    size = (resize, longer) if width <= height else (longer, resize)
                image = image.resize(size, getattr(Image, filter.upper()))
                left, top = (int(round((side - crop) / 2.0)) for side in image.size)
                image = image.crop((left, top, left + crop, top + crop))
                case = f"{filter}_{fit}_{width}x{height}_{resize}_{crop}"
                tensors[case] = np.asarray(image).copy()
    target = Path(__file__).parent / "resize.safetensors"
    save_file(tensors, target, {"script": "make_resize.py", "versions": f"Pillow {PIL.__version__}"})
    target.chmod(0o644)


main()
