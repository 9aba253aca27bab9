"""Measured cells of `peers.py`, kept in a JSON-lines file so that a long table can be measured in several runs."""

import json
import os
import shlex
import shutil

from contenders import Cell


class MeasuredCells:
    """Cells measured with the settings and the lab binary of a run; cells with other settings stay in the file unread.

    A cell is identified by its settings: what is compared, how long, how often, and the timestamp of lab's binary, so that nothing from an
    older build appears in a table with a newer one.
    """

    def __init__(self, path, options):
        self.path = path
        self.settings = {
            "peers": sorted(options.peers), "precisions": options.precisions, "engines": options.engines, "rounds": options.rounds,
            "seconds": options.seconds, "least": options.least, "seed": options.seed, "lab": [stamp(command) for command in options.lab]}
        if "tvm" in options.peers:
            self.settings["search minutes"] = options.search_minutes
        self.cells = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            record = json.loads(line)
            if record["settings"] == self.settings:
                self.cells[Cell(**record["cell"])] = record["measured"]
        if options.again is not None:
            self.cells = {cell: measured for cell, measured in self.cells.items() if options.again and cell.model not in options.again}

    def has(self, cell):
        return cell in self.cells

    def add(self, cell, measured):
        self.cells[cell] = measured
        with self.path.open("a") as file:
            file.write(json.dumps({"cell": vars(cell), "settings": self.settings, "measured": measured}) + "\n")


def stamp(command):
    """A command, with the build time of its program."""
    program = shutil.which(shlex.split(command)[0])
    return [command, os.stat(program).st_mtime if program else None]
