"""TVM's automatic search (MetaSchedule) for one exported model, in a process of its own.

    python3 Benchmarks/tvm_search.py MODEL.onnx FOLDER THREADS

It appends what it finds to FOLDER until it is ended, and a later search goes on from there.
`peers.py` calls `searched`, which ends the search after the stated minutes and compiles the model
with the best schedules. The passes are those of TVM's pipeline for tuned models of fixed shapes
(`relax.pipeline.static_shape_tuning_pipeline` with weights packed beforehand). A round of the
search measures few candidates of each loop nest, because a model has some seventy of them.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

class SearchEnded(Exception):
    """A search that ended before its time, which only a failure does."""


RECORDS = "database_tuning_record.json"
TRIALS_PER_ROUND = 8


def target_of(threads):
    """This machine's processor as TVM's LLVM names it, with as many cores as threads are used."""
    import tvm

    cpu = tvm.get_global_func("target.llvm_get_system_cpu")()
    return tvm.target.Target({"kind": "llvm", "mcpu": cpu, "num-cores": threads})


def imported(path, target):
    """The model in TVM's form, lowered to loop nests that can be scheduled."""
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    with target:
        return tvm.transform.Sequential([
            relax.transform.DecomposeOpsForInference(), relax.transform.CanonicalizeBindings(),
            relax.get_pipeline("zero"), relax.transform.AttachAttrLayoutFreeBuffers(),
        ])(from_onnx(onnx.load(str(path))))


def search(path, folder, threads):
    """Searches until the process is ended.

    TVM's own builder starts new processes for every round. Each imports the intrinsics of CUDA and
    ROCm, which takes longer than the builder waits, so that nothing is ever built. Candidates are
    therefore built in this process, without those intrinsics.
    """
    for name in ("cuda", "rocm"):
        sys.modules[f"tvm.s_tir.tensor_intrin.{name}"] = types.ModuleType(name)
    import tvm
    from tvm.ir.utils import derived_object
    from tvm.s_tir import meta_schedule
    from tvm.s_tir.meta_schedule.builder.local_builder import default_build, default_export

    @derived_object
    class Builder(meta_schedule.builder.PyBuilder):
        def build(self, build_inputs):
            return [self.built(each) for each in build_inputs]

        def built(self, one):
            try:
                library = default_export(default_build(one.mod, one.target, None))
                return meta_schedule.builder.BuilderResult(library, None)
            except Exception as error:
                return meta_schedule.builder.BuilderResult(None, str(error))

    target = target_of(threads)
    # Those with the most arithmetic first, because the time may end before each has had its turn.
    tasks = sorted(
        meta_schedule.relax_integration.extract_tasks(imported(path, target), target, {}),
        key=lambda task: -task.weight * tvm.s_tir.analysis.estimate_tir_flops(task.dispatched[0]))
    contexts, _ = meta_schedule.relax_integration.extracted_tasks_to_tune_contexts(
        tasks, str(folder), seed=1,
        strategy=meta_schedule.search_strategy.EvolutionarySearch(
            population_size=64, init_min_unmeasured=16))
    database = meta_schedule.database.JSONDatabase(work_dir=str(folder))
    # TVM's scheduler writes nothing until each has had its turn, so it gets one at a time.
    builder, runner = Builder(), meta_schedule.runner.LocalRunner()
    for context in itertools.cycle(contexts):
        meta_schedule.tune.tune_tasks(
            tasks=[context], task_weights=[1.0], work_dir=str(folder), database=database,
            builder=builder, runner=runner, max_trials_global=TRIALS_PER_ROUND,
            num_trials_per_iter=TRIALS_PER_ROUND)


def whole_lines(path):
    """Removes the last line of the records if it was cut short."""
    text = path.read_text() if path.exists() else ""
    end = text.rfind("\n") + 1
    if end != len(text):
        try:
            json.loads(text[end:])
        except ValueError:
            path.write_text(text[:end])


def timed(folder):
    """The loop nests of which at least one candidate ran; one that failed has a time of 1e10 s."""
    path = folder / RECORDS
    lines = path.read_text().splitlines() if path.exists() else []
    return {nest for nest, record in map(json.loads, lines) if min(record[1], default=1e10) < 1e9}


def searched(path, folder, threads, minutes):
    """The model compiled with the best schedules of a search of so many minutes, and its note.

    A folder whose search has had its time is compiled from what is there.
    """
    import tvm
    from tvm import relax

    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / "minutes"
    if not finished.exists() or float(finished.read_text()) < minutes:
        with (folder / "search.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, __file__, str(path), str(folder), str(threads)],
                stdout=log, stderr=log, start_new_session=True)
            try:
                process.wait(timeout=60 * minutes)
            except subprocess.TimeoutExpired:
                finished.write_text(str(minutes))
            finally:
                if process.poll() is None:
                    # The processes that run candidates too.
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if not finished.exists():
            raise SearchEnded(f"TVM's search ended by itself: {folder / 'search.log'}")
        whole_lines(folder / RECORDS)
    target = target_of(threads)
    module = imported(path, target)
    nests = [one for _, one in module.functions_items() if isinstance(one, tvm.tirx.PrimFunc)]
    with target:
        module = tvm.transform.Sequential([
            relax.transform.MetaScheduleApplyDatabase(str(folder)),
            relax.transform.SplitLayoutRewritePreproc(), relax.transform.LiftTransformParams(),
            relax.transform.FoldConstant()])(module)
    note = f"{minutes:g} minutes of search, {len(timed(folder))} of {len(nests)} loop nests timed"
    return tvm.compile(module, target=target), note


if __name__ == "__main__":
    search(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
