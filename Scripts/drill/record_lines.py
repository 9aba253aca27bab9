"""Lines of records as lab writes them: with the key of their trial and a seal."""
import hashlib
import json


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key(record):
    """SHA-256 of kind and trial in canonical JSON, as Sources/Experiments/RecordStore/RecordLine.swift has it."""
    return hashlib.sha256(
        compact({"kind": record["kind"], "trial": record["trial"]}).encode()).hexdigest()


def line(record):
    """The line of a record, newline included; its key and seal are made anew."""
    record = {name: value for name, value in record.items() if name != "seal"}
    record["key"] = key(record)
    text = compact(record)
    seal = hashlib.sha256(text.encode()).hexdigest()[:32]
    return text[:-1] + ',"seal":"' + seal + '"}\n'
