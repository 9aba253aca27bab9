"""Specs, pictures, weights and records that claim to be huge, are no files, or never end."""
import json
import os
import shutil
import struct
import zlib

from .common import Failure, root

MOST_SECONDS = 10
MOST_BYTES = 1_500_000_000


def run(drill):
    folder = drill.place("bombs")
    held = 0
    for name, make in PICTURES.items():
        make(folder / name)
        held += judge(drill.lab(folder, "predict", "--model", "demo_vit", name, limit=60))
        os.unlink(folder / name)
    for name, make in WEIGHTS.items():
        make(folder / name)
        spec = {"name": "bomb", "model": {"name": "deit_tiny_patch16_224", "weights": name},
                "methods": [{"method": "none"}], "accuracy": False}
        (folder / "bomb.json").write_text(json.dumps(spec))
        held += judge(drill.lab(folder, "run", "bomb.json", "--dry-run", limit=60))
        os.unlink(folder / name)
    for name, make in SPECS.items():
        make(folder / name)
        held += judge(drill.lab(folder, "run", name, "--dry-run", limit=60))
        os.unlink(folder / name)
    for name, make in RECORDS.items():
        place = folder / "Results/bomb"
        place.mkdir(parents=True, exist_ok=True)
        # Next to a record, or the report would end before it reads what lies next to it.
        shutil.copy(root / "Tests/Fuzz/Seeds/records/latency.jsonl", place)
        make(place / name)
        held += judge(drill.lab(folder, "report", "bomb", limit=60))
        (os.rmdir if (place / name).is_dir() else os.unlink)(place / name)
    return f"{held} decompression bombs, sparse files, pipes and devices: refused by a sentence or read"


def judge(ended):
    ended.must(0, 1, 2)
    if ended.code and not ended.error.strip():
        raise Failure(f"{ended}: no sentence")
    if ended.cpu_seconds > MOST_SECONDS or ended.peak_bytes > MOST_BYTES:
        raise Failure(f"{ended}: {ended.cpu_seconds:.1f} s, {ended.peak_bytes / 1e6:.0f} MB")
    return 1


# What is made.


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(
        ">I", zlib.crc32(kind + content))


def png(width, height, extra=b"", rows=None, bits=8, color=2):
    """A PNG of zeros, whose data need not be as many as it claims."""
    rows = height if rows is None else rows
    length = 1 + (width * {0: 1, 2: 3, 6: 4}[color] * bits + 7) // 8
    compressor = zlib.compressobj(9)
    data = b"".join(compressor.compress(bytes(length)) for _ in range(rows)) + compressor.flush()
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)) + extra
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def zeros(count):
    compressor = zlib.compressobj(9)
    data = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(count >> 20))
    return data + compressor.flush()


def jpeg(width, height, scans=1):
    """A progressive JPEG of a grey picture; each scan says nothing anew."""
    tables = (b"\xff\xdb\0\x43\0" + bytes([1]) * 64
              + b"\xff\xc4\0\x14\0" + bytes([1] + [0] * 15) + b"\0"
              + b"\xff\xc4\0\x14\x10" + bytes([1] + [0] * 15) + b"\0")
    frame = b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\0"
    first = b"\xff\xda\0\x08\x01\x01\0\0\0\0" + bytes(64)
    more = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0" + bytes(16)
    return b"\xff\xd8" + tables + frame + first + more * (scans - 1) + b"\xff\xd9"


def writer(make):
    return lambda path: path.write_bytes(make())


def sparse(size, start=b""):
    def make(path):
        with open(path, "wb") as file:
            file.write(start)
            file.truncate(size)
    return make


PNG = b"\x89PNG\r\n\x1a\n"
PICTURES = {
    "largest.png": writer(lambda: png(60000, 60000, rows=10)),
    "claims.png": writer(lambda: png(0x7FFFFFFF, 0x7FFFFFFF, rows=0)),
    "wide.png": writer(lambda: png(170_000_000, 1, bits=1, color=0)),
    "tall.png": writer(lambda: png(1, 170_000_000, rows=1000, bits=1, color=0)),
    "black.png": writer(lambda: png(13_000, 13_000, bits=1, color=0)),
    "text.png": writer(lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + zeros(1 << 30)))),
    "texts.png": writer(lambda: png(8, 8, chunk(b"tEXt", b"a\0b") * 200_000)),
    "profile.png": writer(lambda: png(8, 8, chunk(b"iCCP", b"a\0\0" + zeros(1 << 30)))),
    "more.png": writer(lambda: png(8, 8, rows=10_000_000)),
    "large.jpg": writer(lambda: jpeg(65500, 65500)),
    "scans.jpg": writer(lambda: jpeg(12_000, 12_000, scans=5000)),
    "large.gif": writer(lambda: b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6)
                        + b"," + struct.pack("<HHHH", 0, 0, 65535, 65535) + b"\0\x08\x01\0\0;"),
    "large.bmp": writer(lambda: b"BM" + struct.pack(
        "<IIIIiiHHIIiiII", 54, 0, 54, 40, 0x7FFFFFFF, 0x7FFFFFFF, 1, 24, 0, 0, 0, 0, 0, 0)),
    "large.tif": writer(lambda: b"II*\0\x08\0\0\0" + struct.pack("<H", 4) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in [(256, 0x7FFFFFFF), (257, 0x7FFFFFFF), (258, 8), (259, 1)]) + bytes(4)),
    "large.webp": writer(lambda: b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + b"\xff" * 3 + b"\x0f" + bytes(8)),
    "empty.png": writer(lambda: b""),
    "sparse.png": sparse(1 << 40, PNG),
    "six.jpg": sparse(6 << 30, b"\xff\xd8\xff"),
    "pipe.png": os.mkfifo,
    "zero.png": lambda path: os.symlink("/dev/zero", path),
    "folder.png": lambda path: os.symlink("/", path),
}
WEIGHTS = {
    "sparse.safetensors": sparse(1 << 40),
    "header.safetensors": sparse(1 << 33, struct.pack("<Q", (1 << 33) - 8)),
    "pipe.safetensors": os.mkfifo,
    "zero.safetensors": lambda path: os.symlink("/dev/zero", path),
    "deep.safetensors": writer(
        lambda: struct.pack("<Q", 200_000) + b"[" * 200_000),
    "key.safetensors": writer(
        lambda: struct.pack("<Q", 50_000_000) + b'{"' + b"a" * 49_999_996 + b'":'),
}
SPECS = {
    "pipe.json": os.mkfifo,
    "zero.json": lambda path: os.symlink("/dev/zero", path),
    "sparse.json": sparse(1 << 40),
    "deep.json": writer(lambda: b"[" * 1_000_000),
    "method.json": writer(
        lambda: b'{"model": "demo_vit", "methods": [{"method": "' + b"a" * 4_000_000 + b'"}]}'),
    "key.json": writer(
        lambda: b'{"model": "demo_vit", "methods": [{"method": "none"}], "' + b"a" * 4_000_000 + b'": 1}'),
    "keys.json": writer(lambda: b"{" + b",".join(b'"%d": 1' % i for i in range(300_000)) + b"}"),
    "list.json": writer(
        lambda: b'{"model": "demo_vit", "methods": [{"method": "none"}], "batch_size": ['
        + b",".join([b"0"] * 2_000_000) + b"]}"),
    "methods.json": writer(
        lambda: b'{"model": "demo_vit", "methods": [' + b",".join([b'{"method": "none"}'] * 200_000) + b"]}"),
    "huge.json": writer(lambda: b'{"model": "' + b"a" * 50_000_000 + b'"}'),
}
RECORDS = {
    "rows.json": os.mkfifo,
    "context.json": os.mkfifo,
    "command.json": lambda path: os.symlink("/dev/zero", path),
    "published.json": sparse(1 << 40),
    "pipe.jsonl": os.mkfifo,
    "zero.jsonl": lambda path: os.symlink("/dev/zero", path),
    "folder.jsonl": os.mkdir,
    "sparse.jsonl": sparse(1 << 40),
    "deep.jsonl": writer(lambda: b"[" * 1_000_000 + b"\n"),
    "line.jsonl": writer(lambda: b'{"key":"' + b"a" * 50_000_000 + b'"}\n'),
}
