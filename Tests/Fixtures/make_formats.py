"""Writes formats/: small images of every kind that a data set may contain, and formats.safetensors with
Pillow's pixels for each ([height, width, 3], 8 bits).

    python3 make_formats.py        # needs numpy, Pillow, safetensors and libturbojpeg.so.0
"""

import ctypes
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "formats"
WIDTH, HEIGHT = 29, 23
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(samples, depth):
    """Filter-less scanlines of samples [height, width, channels]."""
    out = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            packed = flat.astype(">u2").tobytes()
        elif depth == 8:
            packed = flat.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            packed = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        out += b"\0" + packed
    return out


def png(samples, depth, color, interlaced=False, extra=b""):
    height, width = samples.shape[:2]
    assert samples.shape[2] == CHANNELS[color]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in PASSES]
        body = b"".join(rows(part, depth) for part in parts if part.size)
    else:
        body = rows(samples, depth)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
        + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")
    )


def picture(rng):
    """A smooth gradient with a hard edge and a little noise, [height, width, 3], 16 bits."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [np.sin(x / 5 + c) * np.cos(y / 7 - c) for c in range(3)]
    picture = 32768 + 22000 * np.stack(waves, -1) + rng.normal(0, 900, (HEIGHT, WIDTH, 3))
    picture[10:20, 12:26] = 65535 - picture[10:20, 12:26]
    return picture.clip(0, 65535).astype(np.uint16)


def turbo_jpeg(pixels, kind, subsampling, quality=85):
    """JPEGs that Pillow cannot write. Kind: 0 RGB, 11 CMYK stored as YCCK; subsampling: 2 4:2:0, 4 4:4:0, 5 4:1:1."""
    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitCompress.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(turbo.tjInitCompress())
    buffer, size = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.c_ulong(0)
    data = np.ascontiguousarray(pixels)
    height, width = data.shape[:2]
    failed = turbo.tjCompress2(
        handle, data.ctypes.data_as(ctypes.c_void_p), width, 0, height, kind,
        ctypes.byref(buffer), ctypes.byref(size), subsampling, quality, 0)
    assert not failed
    return bytes(buffer[: size.value])


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def main():
    rng = np.random.default_rng(20240229)
    deep = picture(rng)
    rgb = (deep >> 8).astype(np.uint8)
    grey = deep[..., :1]
    alpha = np.broadcast_to((np.mgrid[0:HEIGHT, 0:WIDTH][1] * 1700).astype(np.uint16)[..., None], grey.shape)
    palette = {bits: rng.integers(0, 256, (2**bits, 3), np.uint8) for bits in (1, 2, 4, 8)}
    entries = {bits: chunk(b"PLTE", p.tobytes()) for bits, p in palette.items()}
    files = {
        "rgb8.png": png(rgb, 8, 2),
        "rgb16.png": png(deep, 16, 2),
        "rgb8_interlaced.png": png(rgb, 8, 2, True),
        "rgb8_gamma.png": png(rgb, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000))),
        "rgb8_trns.png": png(rgb, 8, 2, extra=chunk(b"tRNS", struct.pack(">HHH", *map(int, rgb[0, 0])))),
        "rgba8.png": png(np.concatenate([rgb, (alpha >> 8)], -1), 8, 6),
        "rgba16_interlaced.png": png(np.concatenate([deep, alpha], -1), 16, 6, True),
        "grey8.png": png(grey >> 8, 8, 0),
        "grey16.png": png(grey, 16, 0),
        "grey16_dark.png": png(grey >> 7, 16, 0),
        "grey16_interlaced.png": png(grey >> 8, 16, 0, True),
        "grey16_trns.png": png(grey >> 8, 16, 0, extra=chunk(b"tRNS", struct.pack(">H", int(grey[0, 0, 0]) >> 8))),
        "grey_alpha8.png": png(np.concatenate([grey, alpha], -1) >> 8, 8, 4),
        "grey_alpha16.png": png(np.concatenate([grey, alpha], -1), 16, 4),
    }
    for bits in (1, 2, 4):
        files[f"grey{bits}.png"] = png(grey >> (16 - bits), bits, 0)
        files[f"palette{bits}.png"] = png(grey >> (16 - bits), bits, 3, extra=entries[bits])
    files["grey1_interlaced.png"] = png(grey >> 15, 1, 0, True)
    transparent = entries[8] + chunk(b"tRNS", bytes(range(0, 256, 2)))
    files["palette8_trns.png"] = png(grey >> 8, 8, 3, extra=transparent)
    files["palette8_interlaced.png"] = png(grey >> 8, 8, 3, True, extra=entries[8])

    image = Image.fromarray(rgb)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        files[f"ycc{name}.jpg"] = jpeg(image, quality=85, subsampling=subsampling)
    files["ycc440.jpg"] = turbo_jpeg(rgb, 0, 4)
    files["ycc411.jpg"] = turbo_jpeg(rgb, 0, 5)
    files["progressive.jpg"] = jpeg(image, quality=85, progressive=True)
    files["restarts.jpg"] = jpeg(image, quality=40, restart_marker_blocks=1)
    files["rgb.jpg"] = jpeg(image, quality=85, keep_rgb=True)
    files["grey.jpg"] = jpeg(image.convert("L"), quality=85)
    cmyk = np.concatenate([255 - rgb, (grey >> 8).astype(np.uint8) // 2], -1)
    files["cmyk.jpg"] = jpeg(Image.frombytes("CMYK", (WIDTH, HEIGHT), cmyk.tobytes()), quality=85)
    files["ycck.jpg"] = turbo_jpeg(255 - cmyk, 11, 2)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    files["exif_rotated.jpg"] = jpeg(image, quality=85, exif=rotated)
    # Bytes between the last scan and the end marker: libjpeg warns, but nothing is lost.
    files["extraneous.jpg"] = files["ycc420.jpg"][:-2] + b"\0\0\0\0" + b"\xff\xd9"

    expected = {}
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
        expected[name] = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).copy()
    target = FOLDER.parent / "formats.safetensors"
    save_file(
        expected, target,
        metadata={"script": "make_formats.py", "versions": f"Pillow {PIL.__version__}, numpy {np.__version__}"})
    target.chmod(0o644)


main()
