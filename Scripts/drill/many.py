"""20,000 records: what ImageNet leaves with a hundred methods."""
import copy
import json
import time

from .common import Failure, records
from .record_lines import line

MOST_SECONDS = 3.0
MOST_BYTES = 300_000_000
MOST_SECONDS_TO_START = 1.0
# A twentieth of the records: what the program needs of itself, and room for a machine that is shared.
MAX_SECONDS_SHORT = 1.5
MAX_BYTES_SHORT = 100_000_000
# Twice the records may take this many times as long.
MOST_GROWTH = 2.5


def run(drill):
    count = 1_000 if drill.short else 20_000
    half, _ = measure(drill, count // 2)
    seconds, ended = measure(drill, count)
    if drill.short:
        text = (f"{count} records: a report in {seconds:.2f} s of processor time and "
                f"{ended.peak_bytes / 1e6:.0f} MB")
        if seconds > MAX_SECONDS_SHORT or ended.peak_bytes > MAX_BYTES_SHORT:
            raise Failure(f"{text}; the bars are {MAX_SECONDS_SHORT} s and {MAX_BYTES_SHORT / 1e6:.0f} MB")
        return text
    megabytes = ended.peak_bytes / 1e6
    start = start_seconds(drill, count)
    size = sum(file.stat().st_size for file in folder_of(drill, count).rglob("*.jsonl")) / 1e6
    text = (f"{count} records ({size:.0f} MB): a report in {seconds:.2f} s of processor time "
            f"({seconds / half:.2f} times that of half as many) and {megabytes:.0f} MB, a run over them "
            f"starts in {start:.2f} s")
    if (seconds > MOST_SECONDS or ended.peak_bytes > MOST_BYTES or seconds / half > MOST_GROWTH
            or start > MOST_SECONDS_TO_START):
        raise Failure(f"{text}; the bars are {MOST_SECONDS} s, {MOST_BYTES / 1e6:.0f} MB, "
                      f"{MOST_GROWTH} times and {MOST_SECONDS_TO_START} s")
    return text


def folder_of(drill, count):
    return drill.folder / f"many-of-{count}"


def measure(drill, count):
    """Processor seconds of a report of so many records, the least of three."""
    folder = folder_of(drill, count)
    make(drill, folder, count)
    ended = [drill.lab(folder, "report", "drill").must(0) for _ in range(1 if drill.short else 3)]
    return min(one.cpu_seconds for one in ended), ended[-1]


def make(drill, folder, count):
    """Shards of an ImageNet run: `count` divided among a hundred methods, one file a machine."""
    expected, _ = drill.undisturbed(False)
    sample = json.loads(next(
        record for record in records(expected) if b'"random"' in record and b'"accuracy"' in record))
    none = json.loads(next(record for record in records(expected) if b'"none"' in record))
    shards = count // 100
    place = folder / "Results/drill"
    place.mkdir(parents=True)
    images = 250
    with open(place / "accuracy-other-1.jsonl", "w") as file:
        for method in range(100):
            for shard in range(shards):
                record = copy.deepcopy(none if method == 0 else sample)
                trial, result = record["trial"], record["result"]
                if method > 0:
                    trial["method"]["parameters"]["seed"] = method
                trial["dataset"]["images"] = images * shards
                trial["first_image"], trial["image_count"] = images * shard, images
                # Seventy images in a hundred right, a little fewer with each method.
                labels = [(shard * images + image) % 10 for image in range(images)]
                result["labels"] = labels
                result["image_indices"] = list(range(images * shard, images * (shard + 1)))
                result["top5"] = [
                    [(label + (image % 100 > 70 - method // 2) + place_) % 10 for place_ in range(5)]
                    for image, label in enumerate(labels)]
                result["skipped"] = []
                if "kept_patches" in result:
                    result["kept_patches"] = (2 * result["kept_patches"])[:images]
                file.write(line(record))


def start_seconds(drill, count):
    """Seconds from the start of a run over all these records until its first line, the least of three."""
    folder = folder_of(drill, count)
    drill.spec(folder, False)
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        process = drill.start(folder, "run", "drill.json")
        while not process_said(process):
            time.sleep(0.002)
        seconds.append(time.monotonic() - start)
        process.kill()
        process.end()
    return min(seconds)


def process_said(process):
    return b"to measure" in open(process.files[1].name, "rb").read() or (
        process.process.poll() is not None)
