"""Three processes on one folder."""
import shutil
import time

from .common import Failure, must_equal_undisturbed, records


def run(drill):
    times = 1 if drill.short else 20
    killed = 0
    for course in range(times):
        latency = course % 2 == 1
        _, seconds = drill.undisturbed(latency)
        folder = drill.place("shared")
        drill.spec(folder, latency)
        processes = [drill.start(folder, "run", "drill.json") for _ in range(3)]
        hit = course % 3 == 2
        if hit:
            time.sleep(drill.random.uniform(0.1, seconds))
            processes[0].kill()
        ended = [process.end() for process in processes]
        for process in ended[1 if hit else 0:]:
            process.must(0)
        killed += hit
        drill.lab(folder, "report", "drill").must(0)
        must_equal_undisturbed(drill, folder, latency)
        twice = len(records(folder)) - len(set(records(folder)))
        if twice:
            raise Failure(f"{folder}: {twice} lines are there twice")
        shutil.rmtree(folder)
    return f"{times} times three processes on one folder, one of them killed in {killed}: nothing lost"
