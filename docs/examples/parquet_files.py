"""Reads what `millrace export` has written.

    millrace export 'northmill/press/**' --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00Z -o press.parquet
    python parquet_files.py press.parquet
"""

import sys

import pandas as pd
import polars as pl
import pyarrow.parquet as pq


def main() -> None:
    (file,) = sys.argv[1:]
    facts = pq.ParquetFile(file)
    print(facts.metadata.num_rows, facts.metadata.num_row_groups > 0)
    print({name: str(facts.schema_arrow.field(name).type) for name in ("time", "tag", "kind", "value", "integer")})

    # polars reads only the columns and the rows that are asked for.
    by_tag = (
        pl.scan_parquet(file)
        .filter((pl.col("quality") < 2**30) & pl.col("value").is_not_null())
        .group_by("tag")
        .agg(pl.len().alias("count"), pl.col("value").sum().alias("sum"))
        .sort("tag")
        .collect()
    )
    print(by_tag.rows())

    samples = pd.read_parquet(file, columns=["tag", "time", "value"], dtype_backend="pyarrow")
    print(samples.groupby("tag")["time"].agg(["min", "max"]).astype(str).to_string())


if __name__ == "__main__":
    main()
