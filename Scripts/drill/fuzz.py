"""Changed inputs of every kind that the program reads from files."""
import glob
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from .common import Failure, root

SEEDS = {
    "spec": ["Tests/Fuzz/Seeds/spec/*", "Experiments/*.json", "Experiments/sweeps/*.json",
             "Experiments/paper/*.json"],
    "safetensors": ["Tests/Fuzz/Seeds/safetensors/*"],
    "checkpoint": ["Tests/Fixtures/checkpoints/*"],
    "records": ["Tests/Fuzz/Seeds/records/*"],
    "published": ["Tests/Fuzz/Seeds/published/*"],
    "labels": ["Tests/Fuzz/Seeds/labels/*"],
    "tar": ["Tests/Fuzz/Seeds/tar/*"],
    "config": ["Tests/Fuzz/Seeds/config/*"],
    "device": ["Sources/SimulatedDevices/Devices/*.json"],
}
EXTENSIONS = {"jpg": ["jpg", "jpeg"], "tif": ["tif", "tiff"]}
# Inputs between two notes of how many were held; each part has a seed of its own.
PART = 20_000
SHORT_RUNS = {"spec": 1500, "safetensors": 5000, "checkpoint": 5000, "records": 300, "published": 1500, "labels": 3000}


def seeds(kind):
    patterns = SEEDS.get(kind) or [
        f"Tests/Fixtures/{folder}/*.{extension}" for folder in ["formats", "other_formats"]
        for extension in EXTENSIONS.get(kind, [kind])]
    return sorted(file for pattern in patterns for file in glob.glob(str(root / pattern))
                  if pathlib.Path(file).name != "schema.json")


def run(drill):
    program = drill.program.parent / "fuzz"
    if not program.exists():
        raise Failure(f"{program} is not there; `swift build` makes it")
    kinds = subprocess.run(
        [program, "--kinds"], check=True, capture_output=True, text=True).stdout.split()
    for kind in drill.kinds or []:
        if kind not in kinds:
            raise Failure(f"no kind of input is called {kind}; there are {', '.join(kinds)}")
    for kind in kinds:
        if not seeds(kind):
            raise Failure(f"{kind}: there are no seeds of this kind")
    kinds = drill.kinds or kinds
    if drill.short:
        lines = [with_mutator(drill, program, kind, SHORT_RUNS.get(kind, 3000), drill.seed)
                 for kind in kinds]
    else:
        lines = [in_parts(drill, program, kind) for kind in kinds]
    if not drill.short and drill.guided_seconds and archive():
        guided = build()
        lines += [with_libfuzzer(drill, guided, kind) for kind in kinds]
    return f"{len(kinds)} kinds of input held\n" + "\n".join("         " + line for line in lines)


class Progress:
    """How many inputs of each kind a program held so far, so that a drill goes on where one ended."""

    def __init__(self, program):
        self.file = root / ".build/drill-held.json"
        self.program = hashlib.sha256(program.read_bytes()).hexdigest()
        try:
            kept = json.loads(self.file.read_text())
        except (OSError, ValueError):
            kept = {}
        self.held = kept["held"] if kept.get("program") == self.program else {}

    def note(self, kind, seed, count):
        self.held.setdefault(kind, {})[str(seed)] = count
        self.file.write_text(json.dumps({"program": self.program, "held": self.held}, indent=1))


def in_parts(drill, program, kind):
    """Inputs of one kind until as many as are wanted are held by this very program."""
    progress = Progress(program)
    parts = progress.held.get(kind, {})
    seed = drill.seed
    while sum(parts.values()) < drill.runs:
        if str(seed) not in parts:
            count = min(PART, drill.runs - sum(parts.values()))
            with_mutator(drill, program, kind, count, seed)
            # Another drill may have noted kinds of its own.
            progress = Progress(program)
            progress.note(kind, seed, count)
            parts = progress.held[kind]
            print(f"         {kind}: {sum(parts.values()):,} inputs held", flush=True)
        seed += 1
    return f"{kind}: {sum(parts.values()):,} inputs held"


def with_mutator(drill, program, kind, runs, seed):
    last = drill.folder / f"last-{kind}"
    ended = subprocess.run(
        [program, kind, "--runs", str(runs), "--seed", str(seed), "--last", last, "--seeds",
         *seeds(kind)], cwd=root, capture_output=True, text=True,
        env=dict(os.environ, SWIFT_BACKTRACE="color=no,registers=none,images=none,limit=24"))
    if ended.returncode != 0:
        content = last.read_bytes()
        length = int.from_bytes(content[:8], "little")
        culprit = drill.folder / f"crash-{kind}"
        culprit.write_bytes(content[8:8 + length])
        raise Failure(f"{kind}: not held: {culprit}\n{ended.stderr[:2500]}")
    return ended.stdout.strip()


# libFuzzer.


def archive():
    """The toolchain's libFuzzer without a main of its own; None where there is none."""
    swiftc = shutil.which("swiftc")
    if swiftc is None:
        return None
    usr = pathlib.Path(os.path.realpath(swiftc)).parents[1]
    found = sorted(usr.glob(f"lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-{os.uname().machine}.a"))
    return found[0] if found else None


def build():
    """The fuzzer with libFuzzer and the address sanitizer, optimized."""
    scratch = root / ".build/fuzz"
    coverage = "edge,inline-8bit-counters,pc-table,trace-cmp"
    command = [
        "nice", "-n", "19", "swift", "build", "-c", "release", "--product", "fuzz",
        "--scratch-path", str(scratch), "--sanitize=address",
        "-Xswiftc", f"-sanitize-coverage={coverage}", "-Xswiftc", "-DLIBFUZZER",
        "-Xcc", "-fsanitize=fuzzer-no-link", "-Xlinker", "-u", "-Xlinker", "LLVMFuzzerRunDriver",
        "-Xlinker", str(archive()), "-Xlinker", "-lstdc++"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if ended.returncode != 0:
        raise Failure(f"the fuzzer does not build:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return scratch / "release/fuzz"


def with_libfuzzer(drill, program, kind):
    # What it finds interesting is kept from one drill to the next.
    corpus = root / ".build/fuzz-corpus" / kind
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(kind):
        shutil.copy(seed, corpus)
    log = drill.folder / f"fuzz-{kind}.log"
    longest = max(os.path.getsize(seed) for seed in seeds(kind)) + 1024
    with open(log, "w") as file:
        # Inputs that cost too much are told apart by the fuzzer itself, in processor time: this machine may be busy.
        ended = subprocess.run(
            [program, kind, "--lib", corpus, f"-runs={drill.runs}", f"-seed={drill.seed}",
             f"-max_total_time={drill.guided_seconds}", "-timeout=300", "-rss_limit_mb=4000", "-print_final_stats=1", f"-max_len={longest}",
             "-verbosity=0", "-reload=0", f"-artifact_prefix={drill.folder}/{kind}-",
             f"-dict={root}/Tests/Fuzz/tokens.dict"],
            cwd=root, stdout=file, stderr=file,
            env=dict(os.environ, SWIFT_BACKTRACE="enable=no", ASAN_OPTIONS=(
                "detect_leaks=0:allocator_may_return_null=1:malloc_context_size=8")))
    text = log.read_text(errors="replace")
    if ended.returncode != 0:
        raise Failure(f"{kind}: not held, see {log}:\n{text[-2000:]}")
    done = [line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line]
    return f"{kind}: {int(done[0]):,} inputs held, guided, under the address sanitizer"
