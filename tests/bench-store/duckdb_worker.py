"""DuckDB in a process of its own: told by lines of JSON on standard input, answers by lines on standard output.

{"do": "piece", "rows": N} is followed by N station numbers, areas (2 and 1 bytes), instants in microseconds and four
columns of doubles, all little-endian; only the INSERT of these columns runs against the clock.
"""

import json
import sys
import time

import duckdb
import numpy

COLUMNS = [("station", "<i2"), ("area", "u1"), ("time", "<i8"), ("a", "<f8"), ("b", "<f8"), ("c", "<f8"), ("d", "<f8")]


def take(rows):
    """The columns of a piece."""
    piece = {}
    for name, kind in COLUMNS:
        width = numpy.dtype(kind).itemsize
        piece[name] = numpy.frombuffer(sys.stdin.buffer.read(rows * width), dtype=kind)
    piece["time"] = piece["time"].view("<M8[us]")
    return piece


def plain(column):
    """A column as numbers; instants in seconds."""
    if column.dtype.kind == "M":
        column = column.astype("M8[s]").astype("i8")
    return column.tolist()


def main():
    begun = time.perf_counter()
    connection = duckdb.connect(sys.argv[1])
    connection.execute(sys.argv[2])
    connection.fetchall()
    opened = time.perf_counter() - begun
    while line := sys.stdin.buffer.readline():
        told = json.loads(line)
        if told["do"] == "open":
            said = {"took": opened, "version": duckdb.__version__}
        elif told["do"] == "piece":
            piece = take(told["rows"])
            begun = time.perf_counter()
            connection.execute("INSERT INTO samples SELECT * FROM piece")
            said = {"took": time.perf_counter() - begun}
        elif told["do"] == "run":
            begun = time.perf_counter()
            connection.execute(told["sql"])
            said = {"took": time.perf_counter() - begun}
        else:
            begun = time.perf_counter()
            found = connection.execute(told["sql"]).fetchnumpy()
            said = {"took": time.perf_counter() - begun, "columns": [plain(found[name]) for name in found]}
        print(json.dumps(said), flush=True)
    connection.close()


main()
