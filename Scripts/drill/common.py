"""What the parts of the drill share: the program, folders, and how a finished process is judged."""
import csv
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading
import time

root = pathlib.Path(__file__).resolve().parents[2]
weights = root / "Tests/Fixtures/goldens/weights/vit_micro.safetensors"

# Words of a stack trace or of a trap; a sentence of ours has none of them.
CRASH = ["Fatal error", "Program crashed", "Backtrace", "NSCocoaErrorDomain", "Error Domain="]


class Failure(Exception):
    """Something was not held."""


class Ended:
    """A finished process."""

    def __init__(self, arguments, code, output, error, cpu_seconds, peak_bytes):
        self.arguments, self.code = arguments, code
        self.output, self.error = output, error
        self.cpu_seconds, self.peak_bytes = cpu_seconds, peak_bytes

    def __str__(self):
        return f"{' '.join(map(str, self.arguments))}: exit code {self.code}\n{self.error[-2000:]}"

    def must(self, *codes):
        """The process, or a failure where it ended otherwise."""
        if self.code not in codes:
            raise Failure(str(self))
        return self.must_not_crash()

    def must_not_crash(self):
        if self.code < 0 or any(word in self.error for word in CRASH):
            raise Failure(str(self))
        return self


class Started:
    """A process that runs; its output goes to files, so that it never waits for a reader."""

    def __init__(self, arguments, folder, environment):
        self.arguments = arguments
        self.files = [open(folder / f".{name}-{id(self)}", "w+b") for name in ("out", "err")]
        self.process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=self.files[0], stderr=self.files[1])
        self.status = None

    def kill(self):
        try:
            os.kill(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end(self, limit=3600):
        """Waits; a process that goes on for longer than `limit` seconds is a failure.

        The machine may be shared: what takes seconds of its own may take many minutes.
        """
        timer = threading.Timer(limit, self.kill)
        timer.start()
        start = time.monotonic()
        _, status, usage = os.wait4(self.process.pid, 0)
        timer.cancel()
        code = os.waitstatus_to_exitcode(status)
        self.process.returncode = code
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            os.unlink(file.name)
            file.close()
        if code == -signal.SIGKILL and time.monotonic() - start >= limit:
            raise Failure(f"{' '.join(map(str, self.arguments))}: not ended after {limit} s")
        return Ended(self.arguments, code, *texts, usage.ru_utime + usage.ru_stime,
                     usage.ru_maxrss * 1024)


class Drill:
    def __init__(self, arguments):
        self.short = arguments.short
        self.runs = arguments.runs
        self.wanted_kills = arguments.kills
        self.kinds = arguments.kinds
        self.guided_seconds = arguments.guided_seconds
        self.seed = arguments.seed
        self.random = random.Random(arguments.seed)
        self.program = pathlib.Path(arguments.program).resolve()
        if not self.program.exists():
            raise SystemExit(f"{self.program} is not there; `swift build` makes it")
        self.folder = root / f".build/drill/{os.getpid()}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.places = 0
        self.reference = {}

    def clean(self, keep):
        if keep:
            print(f"What was at work lies in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, name):
        """A folder of its own for one trial."""
        self.places += 1
        folder = self.folder / f"{name}-{self.places}"
        folder.mkdir()
        return folder

    def start(self, folder, *arguments):
        # Locks of this machine are kept apart, or a drill would wait for other work on it.
        environment = dict(os.environ, TMPDIR=str(folder), SWIFT_BACKTRACE="enable=no")
        return Started([str(self.program), *map(str, arguments)], folder, environment)

    def lab(self, folder, *arguments, limit=3600):
        return self.start(folder, *arguments).end(limit)

    def spec(self, folder, latency):
        """A spec of some fifty short trials; without latency its report depends on nothing but the records."""
        spec = {
            "name": "drill", "threads": 1,
            "model": {"weights": str(weights), "architecture": {
                "image_size": 96, "embed_dim": 64, "depth": 6, "num_heads": 4, "num_classes": 10}},
            "accuracy": {"images": 500, "batch_size": 10},
            "latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1} if latency else False,
            "methods": [
                {"method": "none"}, {"method": "random", "r": [6, 12, 18]},
                {"method": "topk", "r": [1, 2, 3]}, {"method": "tome", "r": [2, 4]},
                {"method": "tail_effect", "r": [12, 24], "layer": [1, 3]}],
        }
        (folder / "drill.json").write_text(json.dumps(spec))

    def undisturbed(self, latency):
        """The folder of a run that nothing happened to; made once."""
        if latency not in self.reference:
            folder = self.place("undisturbed")
            self.spec(folder, latency)
            start = time.monotonic()
            self.lab(folder, "run", "drill.json").must(0)
            self.reference[latency] = (folder, time.monotonic() - start)
        return self.reference[latency]


def records(folder, results="Results/drill"):
    """The lines of all record files that are whole."""
    lines = []
    for file in sorted((folder / results).glob("*.jsonl")):
        lines += [line for line in file.read_bytes().split(b"\n")[:-1] if line]
    return lines


def measured(lines):
    """What the records say, by key, without what depends on time; one of each key."""
    found = {}
    for line in lines:
        record = json.loads(line)
        result = record.get("result")
        if record["kind"] == "accuracy" and result:
            found[record["key"]] = json.dumps(
                [result["top5"], result["labels"], result["image_indices"]])
        elif result:
            found[record["key"]] = "latency"
    return found


def accuracies(folder, results="Results/drill"):
    """Rows of the table: what names a row, and its accuracy."""
    text = (folder / results / "table.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    return sorted(
        (row["label"], row.get("batch_size", ""), row["top1_percent"]) for row in rows)


REPORT = ["report.md", "report.html", "table.csv", "pareto.csv"]


def report_files(folder, results="Results/drill"):
    """The bytes of every file of a report that is there."""
    place = folder / results
    names = REPORT + [f"figures/{file.name}" for file in sorted((place / "figures").glob("*.svg"))]
    return {name: (place / name).read_bytes() for name in names if (place / name).exists()}


def timeless(content):
    """A file of a report without moments: they are all that differs between two undisturbed runs."""
    content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", b"", content)
    return re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d( to (\d{4}-\d\d-\d\d )?\d\d:\d\d)? UTC", b"", content)


def leftovers(folder, results="Results/drill"):
    """Files in a results folder that nothing explains: halves that a killed process left behind."""
    known = (".jsonl", ".csv", ".md", ".html", ".json", ".svg", ".png")
    place = folder / results
    return [
        str(file.relative_to(place)) for file in place.rglob("*")
        if file.is_file() and ".claims" not in file.parts and not file.name.endswith(known)
    ]


def must_equal_undisturbed(drill, folder, latency):
    """The folder's records and report are those of a run that nothing happened to."""
    expected, _ = drill.undisturbed(latency)
    ours, theirs = measured(records(folder)), measured(records(expected))
    if ours != theirs:
        lost = len(set(theirs) - set(ours))
        raise Failure(f"{folder}: {lost} records are missing, {len(ours)} there, {len(theirs)} due")
    if accuracies(folder) != accuracies(expected):
        raise Failure(f"{folder}: the table's accuracies differ from those of {expected}")
    if not latency:
        ours, theirs = report_files(folder), report_files(expected)
        for name in theirs:
            if timeless(ours.get(name, b"")) != timeless(theirs[name]):
                raise Failure(f"{folder}: {name} differs from that of {expected}")
    left = leftovers(folder)
    if left:
        raise Failure(f"{folder}: files were left behind: {', '.join(left)}")
