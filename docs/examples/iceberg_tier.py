"""Reads the cold tier (`historian.tier`) as an Iceberg table, without the gateway.

    python iceberg_tier.py /mnt/history northmill/press/force 2026-03-01
"""

import datetime
import pathlib
import sys

import polars as pl
from pyiceberg.table import StaticTable


def main() -> None:
    folder, tag, day = sys.argv[1:]
    metadata = pathlib.Path(folder, "metadata")
    version = (metadata / "version-hint.text").read_text().strip()
    table = StaticTable.from_metadata(str(metadata / f"v{version}.metadata.json"))
    print([str(field.name) for field in table.schema().fields][:5])

    start = datetime.date.fromisoformat(day)
    end = start + datetime.timedelta(days=1)
    scan = table.scan(
        row_filter=f"tag == '{tag}' and time >= '{start}T00:00:00+00:00' and time < '{end}T00:00:00+00:00'",
        selected_fields=("time", "value", "quality"),
    )
    # One day is one file: no other is opened.
    print(len(list(scan.plan_files())), "of", len(list(table.scan().plan_files())), "files")
    samples = pl.DataFrame(scan.to_arrow())
    print(samples.height, samples["value"].min(), samples["value"].max(), samples["value"].sum())


if __name__ == "__main__":
    main()
