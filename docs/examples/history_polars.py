"""History of tags as a polars DataFrame, and aggregates that the gateway has computed.

    python history_polars.py http://127.0.0.1:8080 2026-03-01T00:00:00Z 2026-03-02T00:00:00Z northmill/press/force ...
"""

import sys
import urllib.parse
import urllib.request

import polars as pl


def history(gateway: str, tags: list[str], **parameters: str) -> pl.DataFrame:
    """Asks the gateway for an Arrow stream: samples of tags, or, with interval and aggregate, their aggregates."""
    query = urllib.parse.urlencode({"tag": tags, **parameters}, doseq=True)
    request = urllib.request.Request(
        f"{gateway}/api/v1/history?{query}", headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    with urllib.request.urlopen(request) as answer:
        return pl.read_ipc_stream(answer.read())


def main() -> None:
    gateway, start, end, *tags = sys.argv[1:]
    span = {"from": start, "to": end}
    samples = history(gateway, tags, **span)
    print(dict(zip(samples.columns, map(str, samples.dtypes))))
    good = samples.filter(pl.col("quality") < 2**30).with_columns(pl.col("tag").cast(pl.String))
    print(
        good.group_by("tag")
        .agg(pl.len().alias("count"), pl.col("value").min().alias("min"), pl.col("value").max().alias("max"))
        .sort("tag")
        .rows()
    )

    # Aggregates are for the gateway: it reads summaries of blocks where this program would read every sample.
    hours = history(gateway, tags, interval="1h", aggregate="mean,max,count", **span)
    print(dict(zip(hours.columns, map(str, hours.dtypes))))
    print(hours.with_columns(pl.col("tag").cast(pl.String)).select("time", "tag", "mean", "max", "count").head(2).rows())


if __name__ == "__main__":
    main()
