"""kill -9 at a random moment of `run` and `report`."""
import shutil
import time

from .common import Failure, must_equal_undisturbed, records, report_files


def run(drill):
    wanted = 6 if drill.short else drill.wanted_kills
    killed = {"run": 0, "report": 0}
    course = 0
    while sum(killed.values()) < wanted:
        course += 1
        if course % 4 == 0:
            killed["report"] += during_report(drill, min(4, wanted - sum(killed.values())))
        else:
            most = min(drill.random.randint(1, 3), wanted - sum(killed.values()))
            killed["run"] += during_run(drill, latency=course % 4 == 3, most=most)
    return (f"{killed['run']} kills of a run and {killed['report']} of a report: each time the same "
            "command ended with the records and the accuracies of an undisturbed run")


def during_run(drill, latency, most):
    """Up to `most` kills of one run, then the same command to its end."""
    _, seconds = drill.undisturbed(latency)
    folder = drill.place("kills")
    drill.spec(folder, latency)
    kills, before = 0, set()
    for _ in range(most):
        process = drill.start(folder, "run", "drill.json")
        time.sleep(drill.random.uniform(0, seconds))
        process.kill()
        if process.end().code == -9:
            kills += 1
        after = set(records(folder))
        if not before <= after:
            raise Failure(f"{folder}: {len(before - after)} stored records were lost by a kill")
        before = after
    drill.lab(folder, "run", "drill.json").must(0)
    must_equal_undisturbed(drill, folder, latency)
    shutil.rmtree(folder)
    return kills


def during_report(drill, most):
    """Kills of `lab report`: a reader always finds the whole old file or the whole new one."""
    expected, _ = drill.undisturbed(False)
    folder = drill.place("reports")
    shutil.copytree(expected / "Results", folder / "Results")
    start = time.monotonic()
    drill.lab(folder, "report", "drill").must(0)
    seconds = time.monotonic() - start
    whole = report_files(folder)
    kills = 0
    for _ in range(most):
        process = drill.start(folder, "report", "drill")
        time.sleep(drill.random.uniform(0, seconds))
        process.kill()
        if process.end().code == -9:
            kills += 1
        if report_files(folder) != whole:
            raise Failure(f"{folder}: a killed report left a file that is neither old nor new")
    drill.lab(folder, "report", "drill").must(0)
    must_equal_undisturbed(drill, folder, False)
    shutil.rmtree(folder)
    return kills
