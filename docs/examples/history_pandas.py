"""History of tags as a pandas DataFrame, every type exact.

    python history_pandas.py http://127.0.0.1:8080 2026-03-01T00:00:00Z 2026-03-02T00:00:00Z northmill/press/force ...
"""

import sys
import urllib.parse
import urllib.request

import pandas as pd
import pyarrow as pa


def history(gateway: str, tags: list[str], **parameters: str) -> pa.Table:
    """Asks the gateway for an Arrow stream: samples of tags, or, with interval and aggregate, their aggregates."""
    query = urllib.parse.urlencode({"tag": tags, **parameters}, doseq=True)
    request = urllib.request.Request(
        f"{gateway}/api/v1/history?{query}", headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    with urllib.request.urlopen(request) as answer:
        return pa.ipc.open_stream(answer).read_all()


def main() -> None:
    gateway, start, end, *tags = sys.argv[1:]
    table = history(gateway, tags, **{"from": start, "to": end})
    # Arrow's own types: a column of integers in which some are missing stays one of integers.
    samples = table.to_pandas(types_mapper=pd.ArrowDtype)
    print({name: str(dtype) for name, dtype in samples.dtypes.items()})

    # The two highest bits of a StatusCode are 0: Good.
    good = samples[samples["quality"] < 2**30].assign(tag=lambda rows: rows["tag"].astype("string[pyarrow]"))
    print(good.groupby("tag")["value"].agg(["count", "min", "mean", "max"]).to_string())

    # A table with a column for each tag: what each of them held at each full minute.
    values = good.pivot_table(index="time", columns="tag", values="value", aggfunc="last")
    print(values.resample("1min").last().ffill().head(3).to_string())


if __name__ == "__main__":
    main()
