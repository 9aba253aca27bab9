"""Writes other_formats/: small BMP, GIF, TIFF and WebP files of every supported kind, and
other_formats.safetensors with the pixels that Pillow gives for each ([height, width, 3], 8 bits).

    python3 make_other_formats.py        # needs numpy, Pillow with libtiff and WebP, safetensors
"""

import io
import struct
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "other_formats"
WIDTH, HEIGHT = 29, 23


def picture(rng):
    """A smooth gradient with a hard edge and a little noise, [height, width, 3], 16 bits."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [np.sin(x / 5 + c) * np.cos(y / 7 - c) for c in range(3)]
    picture = 32768 + 22000 * np.stack(waves, -1) + rng.normal(0, 900, (HEIGHT, WIDTH, 3))
    picture[10:20, 12:26] = 65535 - picture[10:20, 12:26]
    return picture.clip(0, 65535).astype(np.uint16)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def packed(samples, bits):
    """Rows of samples [height, n] with `bits` each, most significant bits first, as lists of bytes."""
    rows = []
    for row in samples:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


def bmp(rows, bits, palette=b"", compression=0, masks=b"", header=40, top_down=False, body=None, colors=0):
    if body is None:
        body = b"".join(row + bytes(-len(row) % 4) for row in (rows if top_down else rows[::-1]))
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height = -HEIGHT if top_down else HEIGHT
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(body), 0, 0, colors, 0)
        if header > 40:
            info += masks + bytes(header - 40 - len(masks))
            masks = b""
    start = 14 + len(info) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + masks + palette + body


def run_lengths(indices, bits):
    """Each row as a run, then literally, with an early end of line and a jump."""
    out = b""
    for y, row in enumerate(indices[::-1]):
        row = [int(v) for v in row]
        if y == 3:
            out += bytes([5, row[0] << 4 | row[0] if bits == 4 else row[0], 0, 0])
            continue
        if y == 5:
            out += bytes([0, 2, 7, 0])
            row = row[7:]
        x = 0
        while x < len(row):
            run = 1
            while x + run < len(row) and row[x + run] == row[x]:
                run += 1
            left = len(row) - x
            if run >= 3 or left < 3:
                run = min(run, left)
                out += bytes([run, row[x] << 4 | row[x] if bits == 4 else row[x]])
                x += run
            else:
                part = row[x : x + min(left, 9)]
                data = bytes(part)
                if bits == 4:
                    data = bytes(a << 4 | b for a, b in zip(part[::2], part[1::2] + [0]))
                out += bytes([0, len(part)]) + data + bytes(len(data) % 2)
                x += len(part)
        out += b"\0\0"
    return out + b"\0\1"


def tiff(data, tags, order="<"):
    """A TIFF with one strip (unless `tags` say otherwise); tags are given as {number: (type, values)}."""
    sizes = {3: "H", 4: "I"}
    chunks = data if isinstance(data, list) else [data]
    offset, offsets, body = 8, [], b""
    for chunk in chunks:
        offsets.append(8 + len(body))
        body += chunk + bytes(len(chunk) % 2)
    tiled = 322 in tags
    tags = dict(tags)
    tags[324 if tiled else 273] = (4, offsets)
    tags[325 if tiled else 279] = (4, [len(chunk) for chunk in chunks])
    directory = 8 + len(body)
    extra_at = directory + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for number in sorted(tags):
        kind, values = tags[number]
        raw = struct.pack(order + sizes[kind] * len(values), *values)
        if len(raw) > 4:
            where = struct.pack(order + "I", extra_at + len(extra))
            extra += raw + bytes(len(raw) % 2)
            raw = where
        entries += struct.pack(order + "HHI", number, kind, len(values)) + raw.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (
        mark + struct.pack(order + "I", directory) + body
        + struct.pack(order + "H", len(tags)) + entries + bytes(4) + extra
    )


def tags(samples, bits, photometric, **more):
    basic = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [bits] * samples), 259: (3, [1]), 262: (3, [photometric]),
        277: (3, [samples]), 278: (4, [HEIGHT]),
    }
    basic.update({int(key[1:]): value for key, value in more.items()})
    return basic


def main():
    rng = np.random.default_rng(20260101)
    deep = picture(rng)
    rgb = (deep >> 8).astype(np.uint8)
    grey = deep[..., 0]
    byte = (grey >> 8).astype(np.uint8)
    ramp = (np.mgrid[0:HEIGHT, 0:WIDTH][1] * 9).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(rgb)
    rgba = Image.fromarray(np.dstack([rgb, ramp]))
    palette = image.quantize(200)
    few = image.quantize(11)
    flat = np.asarray(image.quantize(6)).copy()
    files = {}

    colors = {n: rng.integers(0, 256, (n, 4), np.uint8) for n in (2, 16, 200, 256)}
    for n in colors:
        colors[n][:, 3] = 0
    whole = [row.tobytes() for row in rgb[..., ::-1]]
    files["rgb24.bmp"] = bmp(whole, 24)
    files["rgb24_top_down.bmp"] = bmp(whole, 24, top_down=True)
    files["rgb24_os2.bmp"] = bmp(whole, 24, header=12)
    files["rgb32.bmp"] = bmp([row.tobytes() for row in np.dstack([rgb[..., ::-1], ramp])], 32)
    for header in (40, 56, 124):
        masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)[: 12 if header == 40 else 16]
        rows = [row.tobytes() for row in np.dstack([rgb[..., ::-1], ramp])]
        files[f"fields32_{header}.bmp"] = bmp(rows, 32, compression=3, masks=masks, header=header)
    five = (rgb >> 3).astype(np.uint16)
    rows = [row.astype("<u2").tobytes() for row in five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]]
    files["rgb16.bmp"] = bmp(rows, 16)
    six = (rgb[..., 1] >> 2).astype(np.uint16)
    rows = [row.astype("<u2").tobytes() for row in five[..., 0] << 11 | six << 5 | five[..., 2]]
    files["fields16.bmp"] = bmp(rows, 16, compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    for bits in (1, 4, 8):
        rows = packed(byte >> (8 - bits), bits)
        files[f"palette{bits}.bmp"] = bmp(rows, bits, colors[2**bits].tobytes())
    files["palette8_os2.bmp"] = bmp(packed(byte, 8), 8, colors[256][:, :3].tobytes(), header=12)
    files["palette8_short.bmp"] = bmp(packed(byte, 8), 8, colors[200].tobytes(), colors=200)
    files["grey8.bmp"] = saved(image.convert("L"), "BMP")
    files["runs8.bmp"] = bmp(None, 8, colors[256].tobytes(), compression=1, body=run_lengths(flat, 8))
    files["runs4.bmp"] = bmp(None, 4, colors[16].tobytes(), compression=2, body=run_lengths(flat, 4))

    files["palette.gif"] = saved(palette, "GIF", interlace=0)
    files["palette_interlaced.gif"] = saved(palette, "GIF", interlace=1)
    files["few_colors.gif"] = saved(few, "GIF")
    files["grey.gif"] = saved(image.convert("L"), "GIF")
    files["transparent.gif"] = saved(palette, "GIF", transparency=3)
    files["noise.gif"] = saved(
        Image.fromarray(rng.integers(0, 256, (90, 90), np.uint8), "L"), "GIF", interlace=0)
    others = [Image.fromarray(np.roll(rgb, 5 * k, 1)).quantize(50) for k in (1, 2)]
    files["animated.gif"] = saved(palette, "GIF", save_all=True, append_images=others, duration=50)
    # The image is inside a larger screen, or extends beyond a smaller one.
    whole = files["palette.gif"]
    start = whole.index(b",\0\0\0\0")
    for name, (screen, left, top) in {
        "inside": ((40, 35), 6, 8), "beyond": ((20, 20), 3, 2), "inside_transparent": ((40, 35), 6, 8),
    }.items():
        moved = bytearray(whole)
        moved[6:10] = struct.pack("<HH", *screen)
        moved[start + 1 : start + 5] = struct.pack("<HH", left, top)
        if name.endswith("transparent"):
            moved[start:start] = b"!\xf9\x04\x01\0\0\x07\0"
        files[name + ".gif"] = bytes(moved)
    shorter = bytearray(files["few_colors.gif"])
    assert shorter[10] & 7 == 3
    shorter[10] = shorter[10] & ~7 | 2
    del shorter[13 + 3 * 8 : 13 + 3 * 16]
    files["palette_too_short.gif"] = bytes(shorter)
    bare = bytearray(files["few_colors.gif"])
    del bare[13 : 13 + 3 * 16]
    bare[10] &= 0x7F
    files["no_palette.gif"] = bytes(bare)

    files["lossy.webp"] = saved(image, "WEBP", quality=80)
    files["lossless.webp"] = saved(image, "WEBP", lossless=True)
    files["lossy_alpha.webp"] = saved(rgba, "WEBP", quality=80)
    files["lossless_alpha.webp"] = saved(rgba, "WEBP", lossless=True, exact=True)
    moving = [Image.fromarray(np.roll(rgb, 5 * k, 1)) for k in (1, 2)]
    files["animated.webp"] = saved(image, "WEBP", save_all=True, append_images=moving, lossless=True)
    files["animated_alpha.webp"] = saved(rgba, "WEBP", save_all=True, append_images=moving, lossless=True)

    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        name = (compression or "raw").replace("tiff_", "").replace("adobe_", "")
        files[f"rgb_{name}.tif"] = saved(image, "TIFF", compression=compression)
        files[f"palette_{name}.tif"] = saved(palette, "TIFF", compression=compression)
    files["rgb_jpeg.tif"] = saved(image, "TIFF", compression="jpeg", quality=90)
    files["grey_jpeg.tif"] = saved(image.convert("L"), "TIFF", compression="jpeg", quality=90)
    files["bilevel_g4.tif"] = saved(image.convert("1"), "TIFF", compression="group4")
    files["bilevel.tif"] = saved(image.convert("1"), "TIFF")
    files["grey.tif"] = saved(image.convert("L"), "TIFF")
    files["grey_alpha.tif"] = saved(rgba.convert("LA"), "TIFF")
    files["rgba.tif"] = saved(rgba, "TIFF", compression="tiff_lzw")
    files["cmyk.tif"] = saved(image.convert("CMYK"), "TIFF")
    files["cmyk_lzw.tif"] = saved(image.convert("CMYK"), "TIFF", compression="tiff_lzw")
    files["grey16.tif"] = saved(Image.fromarray(grey >> 7), "TIFF")
    files["grey16_lzw.tif"] = saved(Image.fromarray(grey >> 7), "TIFF", compression="tiff_lzw")
    files["two_pages.tif"] = saved(image, "TIFF", save_all=True, append_images=[rgba])
    for orientation in range(2, 9):
        files[f"turned{orientation}.tif"] = saved(image, "TIFF", tiffinfo={274: orientation})
    for order, kind in (("<", "little"), (">", "big")):
        name = {"<": "<u2", ">": ">u2"}[order]
        files[f"rgb16_{kind}.tif"] = tiff(deep.astype(name).tobytes(), tags(3, 16, 2), order)
        files[f"grey16_{kind}.tif"] = tiff((grey >> 7).astype(name).tobytes(), tags(1, 16, 1), order)
    files["grey16_white_zero.tif"] = tiff((grey >> 7).astype("<u2").tobytes(), tags(1, 16, 0))
    files["white_zero8.tif"] = tiff(byte.tobytes(), tags(1, 8, 0))
    for bits in (1, 2, 4):
        for photometric in (0, 1):
            files[f"grey{bits}_{photometric}.tif"] = tiff(
                b"".join(packed(byte >> (8 - bits), bits)), tags(1, bits, photometric))
    table = rng.integers(0, 65536, 3 * 16).tolist()
    files["palette4.tif"] = tiff(b"".join(packed(byte >> 4, 4)), tags(1, 4, 3, t320=(3, table)))
    premultiplied = np.dstack([(rgb.astype(int) * ramp[..., None] // 255).astype(np.uint8), ramp])
    files["premultiplied.tif"] = tiff(premultiplied.tobytes(), tags(4, 8, 2, t338=(3, [1])))
    files["unknown_extra.tif"] = tiff(premultiplied.tobytes(), tags(4, 8, 2, t338=(3, [0])))
    planes = [rgb[..., c].tobytes() for c in range(3)]
    files["planes.tif"] = tiff(planes, tags(3, 8, 2, t284=(3, [2])))
    strips = [rgb[y : y + 7].tobytes() for y in range(0, HEIGHT, 7)]
    files["strips.tif"] = tiff(strips, tags(3, 8, 2, t278=(4, [7])))
    padded = np.pad(rgb, ((0, 32 - HEIGHT), (0, 32 - WIDTH), (0, 0)))
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16)]
    tiled = tags(3, 8, 2, t322=(4, [16]), t323=(4, [16]))
    del tiled[278]
    files["tiles.tif"] = tiff(tiles, tiled)

    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
        try:
            expected[name] = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).copy()
        except Exception as error:
            print(name, error)
            (FOLDER / name).unlink()
    versions = ", ".join(f"{part} {features.version(part)}" for part in ("libtiff", "webp"))
    target = FOLDER.parent / "other_formats.safetensors"
    save_file(
        expected, target,
        metadata={"script": "make_other_formats.py", "versions": f"Pillow {PIL.__version__}, {versions}"})
    target.chmod(0o644)


main()
