"""Reads a Parquet file of history with DuckDB and with pandas and compares it with the same history as NDJSON.

Usage: read_parquet.py FILE.parquet FILE.ndjson. Every row is compared: times, names, numbers, absences. Prints one JSON
object: the number of rows, and each reader's type of each column.
"""

import json
import math
import sys
from datetime import datetime, timezone

import duckdb
import pandas

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIMES = ("time", "end", "compare_time")


def micros(text):
    passed = datetime.fromisoformat(text) - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def plain(value):
    """What a reader gives for nothing, as None; for a number, as a Python number."""
    if value is None or value is pandas.NA or value is pandas.NaT:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if hasattr(value, "item") else value


def compare(reader, names, found, expected):
    assert len(found) == len(expected), f"{reader}: {len(found)} rows, not {len(expected)}"
    for number, (row, wanted) in enumerate(zip(found, expected)):
        for name, value in zip(names, row):
            want = wanted[name]
            if name in TIMES and want is not None:
                want = micros(want)
            assert plain(value) == want, f"{reader}, row {number}, {name}: {value!r}, not {want!r}"


parquet, ndjson = sys.argv[1:]
with open(ndjson, encoding="utf-8") as lines:
    expected = [json.loads(line) for line in lines]

described = duckdb.execute("describe select * from read_parquet(?)", [parquet]).fetchall()
names = [row[0] for row in described]
assert not expected or sorted(names) == sorted(expected[0]), names
columns = ", ".join(f'epoch_us("{name}")' if name in TIMES else f'"{name}"' for name in names)
found = duckdb.execute(f"select {columns} from read_parquet(?, file_row_number = true) order by file_row_number", [parquet]).fetchall()
compare("duckdb", names, found, expected)

frame = pandas.read_parquet(parquet)
assert list(frame.columns) == names, frame.columns
dtypes = {name: str(frame[name].dtype) for name in names}
for name in names:
    if name in TIMES:
        whole = frame[name].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        frame[name] = whole.astype("int64").where(whole.notna(), None)
rows = list(frame.itertuples(index=False, name=None))
compare("pandas", names, rows, expected)

types = {row[0]: row[1] for row in described}
print(json.dumps({"rows": len(found), "duckdb": types, "pandas": dtypes}))
