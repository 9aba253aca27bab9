"""Records that were cut short, or in which bits flipped."""
import shutil

from .common import must_equal_undisturbed


def run(drill):
    times = 4 if drill.short else 100
    expected, _ = drill.undisturbed(False)
    for course in range(times):
        folder = drill.place("damage")
        drill.spec(folder, False)
        shutil.copytree(expected / "Results", folder / "Results")
        file = sorted((folder / "Results/drill").glob("*.jsonl"))[0]
        content = bytearray(file.read_bytes())
        if course % 2 == 0:
            content = content[:drill.random.randrange(len(content))]
        for _ in range(course % 2 * drill.random.choice([1, 1, 10, 1000])):
            content[drill.random.randrange(len(content))] ^= 1 << drill.random.randrange(8)
        file.write_bytes(content)
        drill.lab(folder, "report", "drill").must(0, 1, 2)
        # A schema that a flipped bit made higher is a later program's record, and stops a run by a sentence.
        ended = drill.lab(folder, "run", "drill.json").must(0, 2)
        if ended.code == 2:
            assert "schema" in ended.error, ended
        else:
            healed(drill, folder, file)
        shutil.rmtree(folder)
    return f"{times} record files cut short or with flipped bits: measured again to the same result"


def healed(drill, folder, file):
    """The damaged lines stay in their file, and the report is that of whole ones."""
    lines = [line for line in file.read_bytes().split(b"\n") if line]
    whole = []
    for line in lines:
        try:
            line.decode()
            whole.append(line)
        except UnicodeDecodeError:
            pass
    shutil.copy(file, folder / "damaged")
    kept = []
    intact = set()
    for other in sorted((drill.undisturbed(False)[0] / "Results/drill").glob("*.jsonl")):
        intact |= set(other.read_bytes().split(b"\n"))
    kept = [line for line in whole if line in intact]
    file.write_bytes(b"".join(line + b"\n" for line in kept))
    must_equal_undisturbed(drill, folder, False)
