#!/usr/bin/env python3
"""Kills lab, fills its disks, damages its files and hands it hostile ones, and says what it held.

    Scripts/drill.py                 every part (an hour or two; most of it the fuzzer)
    Scripts/drill.py kills bombs     these parts
    Scripts/drill.py fuzz --kinds png webp     these kinds of changed inputs
    Scripts/drill.py --short         a little of each, under a minute: what CI runs

    kills      kill -9 at a random moment of `run` and `report`; the same command must then end as if undisturbed
    shared     three processes on one folder, one of them killed now and then
    disk       a disk that fills, on small file systems in memory; needs the right to mount
    damage     records cut short or with flipped bits: named, left out, measured again
    many       20,000 records: time and memory of `report`, and how soon `run` starts
    bombs      files that claim to be huge, are no files, or never end
    fuzz       changed specs, weights, pictures, archives, records and labels, a million of each by a mutator of our own,
               noted every 20,000 so that the next drill of the same program goes on from there; then
               libFuzzer, which follows what inputs reach, under the address sanitizer where the
               toolchain has them

--program names the program (default: .build/debug/lab), --kills how many, --runs the fuzzer's inputs of each kind, --seed
another course of chance. What goes wrong is kept in .build/drill and ends with exit code 1.
"""
import argparse
import sys
import time

from drill import bombs, damage, disk, fuzz, kills, many, shared
from drill.common import Drill, Failure

PARTS = [kills, shared, disk, damage, many, bombs, fuzz]


def main():
    names = [part.__name__.rsplit(".", 1)[1] for part in PARTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--program", default=".build/debug/lab")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument(
        "--guided-seconds", type=int, default=300, help="libFuzzer's time for each kind; 0 leaves it out")
    parser.add_argument("--kinds", nargs="*", help="kinds of the fuzzer's inputs; all by default")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in names:
            parser.error(f"{name}: no part has this name; there are {', '.join(names)}")
    drill = Drill(arguments)
    failed = False
    for name, part in zip(names, PARTS):
        if arguments.parts and name not in arguments.parts:
            continue
        start = time.monotonic()
        try:
            outcome = part.run(drill)
        except Failure as failure:
            failed = True
            outcome = f"FAILED: {failure}"
        print(f"{name:8} {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    drill.clean(keep=failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
