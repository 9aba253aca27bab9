"""A disk that fills, as a small file system in memory that only this part sees."""
import os
import subprocess
import sys

from .common import Failure, must_equal_undisturbed, root


def run(drill):
    sizes = [60] if drill.short else [40, 80, 120, 160, 200, 240, 280, 320, 360, 400, 500, 700]
    # The namespace has mounts of its own, which end with it. Without root the user becomes root of a namespace.
    enter = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    try:
        probe = subprocess.run(
            enter + ["sh", "-c", f"mount -t tmpfs -o size=64k tmpfs {drill.folder}"],
            capture_output=True, text=True)
    except FileNotFoundError:
        return "skipped: unshare is not installed"
    if probe.returncode != 0:
        return f"skipped: no file system may be mounted here ({probe.stderr.strip()})"
    drill.undisturbed(False)
    full = 0
    for kilobytes in sizes:
        folder = drill.place("disk")
        drill.spec(folder, False)
        script = """
            mkdir Results && mount -t tmpfs -o size=$1k tmpfs Results || exit 70
            "$2" run drill.json > out 2> err; first=$?
            "$2" report drill > out2 2> err2; second=$?
            mount -o remount,size=16m Results || exit 70
            "$2" run drill.json > out3 2> err3; third=$?
            cp -R Results kept
            echo $first $second $third > codes
        """
        subprocess.run(
            enter + ["bash", "-c", script, "-", str(kilobytes), str(drill.program)], cwd=folder,
            check=True, env=dict(os.environ, TMPDIR=str(folder), SWIFT_BACKTRACE="enable=no"))
        os.rmdir(folder / "Results")
        os.rename(folder / "kept", folder / "Results")
        first, second, third = map(int, (folder / "codes").read_text().split())
        errors = (folder / "err").read_text() + (folder / "err2").read_text()
        if first not in (0, 1) or second not in (0, 1, 2) or third != 0:
            raise Failure(f"{folder}: exit codes {first}, {second}, then {third} with room\n{errors}")
        if first != 0:
            full += 1
            if "no space left" not in errors.lower():
                raise Failure(f"{folder}: the full disk is not named:\n{errors}")
        must_equal_undisturbed(drill, folder, False)
    return f"{full} of {len(sizes)} disks filled up: one sentence each, and nothing lost once there was room"
