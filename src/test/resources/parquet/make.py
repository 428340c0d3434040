"""Writes the parquet files beside it with pyarrow (26.0.1 for those committed, 25.0.1 for empty, empty-group and pages). Row i's text is "text i", then words."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROWS = 300


def text(i):
    return f"text {i}" + "".join(f" wörter{i * k % 97}" for k in range(1, i % 9))


texts = [text(i) for i in range(ROWS)]
table = pa.table({"text": texts, "url": [f"u{i}" for i in range(ROWS)]})
for codec in ("none", "snappy", "gzip", "zstd"):
    pq.write_table(table, HERE / f"{codec}.parquet", compression=codec, row_group_size=100)
pq.write_table(table, HERE / "v2.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False,
               column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY", "url": "PLAIN"}, data_page_size=512,
               write_page_checksum=True)
pq.write_table(table, HERE / "delta.parquet", compression="snappy", data_page_version="2.0", use_dictionary=False,
               column_encoding={"text": "DELTA_BYTE_ARRAY", "url": "PLAIN"}, data_page_size=512)
meta = pa.array([{"pile_set_name": "Enron Emails" if i % 3 else "Wikipedia (en)"} for i in range(ROWS)])
holes = pa.array([None if i == 5 else "  \n" if i == 6 else t for i, t in enumerate(texts)])
pq.write_table(pa.table({"text": holes, "meta": meta}), HERE / "labels.parquet", compression="zstd")
required = pa.schema([pa.field("text", pa.string(), nullable=False)])
pq.write_table(pa.table({"text": texts}, schema=required), HERE / "required.parquet", compression="lz4")
pq.write_table(pa.table({"body": texts}), HERE / "body.parquet")
schema = pa.schema([("text", pa.string())])
pq.write_table(schema.empty_table(), HERE / "empty.parquet")
with pq.ParquetWriter(HERE / "empty-group.parquet", schema) as writer:
    for some in (["one", "two"], [], ["three"]):
        writer.write_table(pa.table({"text": some}, schema))
pq.write_table(table.select(["text"]), HERE / "pages.parquet", compression="zstd", use_dictionary=False,
               data_page_size=512, write_batch_size=20, write_page_checksum=True)
