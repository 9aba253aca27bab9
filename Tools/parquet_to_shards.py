#!/usr/bin/env python3
"""Turns Parquet tables of pictures, as Hugging Face's data sets are kept, into WebDataset's tar shards, which lab reads in place.

    python3 Tools/parquet_to_shards.py data/validation SHARDS [--image image] [--label label] [--split validation]

Each row needs a picture (its bytes, or a struct with `bytes`) and a class from 0. The bytes are copied as they are: nothing is decoded or
compressed anew. Needs pyarrow alone.
"""

import argparse
import io
import pathlib
import sys
import tarfile

try:
    import pyarrow.parquet
except ImportError:
    sys.exit("parquet_to_shards.py needs pyarrow: python3 -m pip install pyarrow")

SUFFIXES = [(b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"RIFF", "webp"), (b"GIF8", "gif"), (b"BM", "bmp"), (b"II*\0", "tif"), (b"MM\0*", "tif")]


def add(shard, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    shard.addfile(entry, io.BytesIO(data))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=pathlib.Path, help="a .parquet file, or a folder of them")
    parser.add_argument("shards", type=pathlib.Path, help="folder to write to; it must not hold shards")
    parser.add_argument("--image", default="image", help="column of the pictures")
    parser.add_argument("--label", default="label", help="column of the classes")
    parser.add_argument("--split", default="", help="take only tables whose names begin so")
    arguments = parser.parse_args()
    tables = [arguments.tables] if arguments.tables.is_file() else sorted(arguments.tables.rglob(f"{arguments.split}*.parquet"))
    if not tables:
        sys.exit(f"{arguments.tables}: no .parquet file is here")
    if arguments.shards.exists() and any(arguments.shards.glob("*.tar*")):
        sys.exit(f"{arguments.shards}: holds shards already; name a new folder")
    arguments.shards.mkdir(parents=True, exist_ok=True)
    count = 0
    for number, table in enumerate(tables):
        file = pyarrow.parquet.ParquetFile(table)
        for column in (arguments.image, arguments.label):
            if column not in file.schema_arrow.names:
                sys.exit(f"{table}: has no column '{column}'; it has {', '.join(file.schema_arrow.names)}")
        # Renamed when whole, so that a shard that was cut off is none.
        path = arguments.shards / f"shard-{number:06d}.tar"
        part = path.with_suffix(".tar.part")
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as shard:
            for batch in file.iter_batches(256, columns=[arguments.image, arguments.label]):
                for image, label in zip(batch[arguments.image].to_pylist(), batch[arguments.label].to_pylist()):
                    data = image["bytes"] if isinstance(image, dict) else image
                    suffix = next((suffix for start, suffix in SUFFIXES if data and data.startswith(start)), None)
                    if suffix is None or not isinstance(label, int) or label < 0:
                        sys.exit(f"{table}: row {count} of all is no picture with a class from 0 (class {label})")
                    add(shard, f"{count:08d}.{suffix}", data)
                    add(shard, f"{count:08d}.cls", str(label).encode())
                    count += 1
        part.rename(path)
    print(f"{count} pictures in {len(tables)} shards: {arguments.shards}")


if __name__ == "__main__":
    main()
