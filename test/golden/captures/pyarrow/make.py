"""Writes the Arrow IPC streams beside it, and their values as JSON (pyarrow 26.0, lz4 4.4).

Tables in OTAP's column sets with what the recorded streams lack: LZ4 bodies, u32 dictionary indices, null structs over
valid fields, native columns where others send dictionaries, all attribute types, columns of unknown names.
"""
import json, random
import pyarrow as pa
import pyarrow.ipc as ipc

random.seed(7)
N = 1000


def maybe(value, share=0.2):
    return None if random.random() < share else value


def text(i):
    return random.choice(["", "GET /", "käse", "日本", "x" * 40, f"value {i % 300}"])


def dictionary(values, index, kind):
    return pa.array(values, kind).dictionary_encode().cast(pa.dictionary(index, kind))


def logs():
    ids = [1 if i else 0 for i in range(N)]
    mask = pa.array([i % 5 == 0 for i in range(N)])
    resource = pa.StructArray.from_arrays(
        [pa.array([int(i % 100 == 99) for i in range(N)], pa.uint16()), dictionary([maybe(text(i)) for i in range(N)], pa.uint32(), pa.utf8()),
         pa.array([maybe(i) for i in range(N)], pa.uint32())],
        names=["id", "schema_url", "dropped_attributes_count"], mask=mask)
    body = pa.StructArray.from_arrays(
        [pa.array([1] * N, pa.uint8()), pa.array([maybe(text(i)) for i in range(N)], pa.utf8())], names=["type", "str"])
    return pa.table({
        "id": pa.array([maybe(v, 0.3) for v in ids], pa.uint16()),
        "resource": resource,
        "unknown": pa.array([[i, None] for i in range(N)], pa.list_(pa.int16())),
        "time_unix_nano": pa.array([maybe(1790000000000000000 + i) for i in range(N)], pa.timestamp("ns", "UTC")),
        "observed_time_unix_nano": pa.array([1790000000000000000 - i for i in range(N)], pa.timestamp("ns")),
        "trace_id": pa.array([maybe(random.randbytes(16)) for _ in range(N)], pa.binary(16)),
        "span_id": dictionary([maybe((i % 7).to_bytes(8, "big")) for i in range(N)], pa.uint16(), pa.binary(8)),
        "unknown_dictionary": dictionary([f"{i % 3}" for i in range(N)], pa.int32(), pa.utf8()),
        "severity_number": dictionary([maybe(i % 24) for i in range(N)], pa.uint8(), pa.int32()),
        "severity_text": pa.array([maybe(text(i)) for i in range(N)], pa.utf8()),
        "body": body,
        "flags": pa.array([maybe(random.getrandbits(32)) for _ in range(N)], pa.uint32()),
    })


def log_attrs():
    types = [i % 8 for i in range(N)]
    pick = lambda kind, make: [make(i) if t in kind else None for i, t in enumerate(types)]
    return pa.table({
        "parent_id": pa.array([i // 8 for i in range(N)], pa.uint16()),
        "key": dictionary([f"key.{i % 8}" for i in range(N)], pa.uint8(), pa.utf8()),
        "type": pa.array(types, pa.uint8()),
        "str": dictionary(pick([1], text), pa.uint16(), pa.utf8()),
        "int": dictionary(pick([2], lambda i: -i if i % 3 else 2**63 - 1 - i), pa.uint16(), pa.int64()),
        "double": pa.array(pick([3], lambda i: i / 7), pa.float64()),
        "bool": pa.array(pick([4], lambda i: i % 3 == 0), pa.bool_()),
        "bytes": dictionary(pick([7], lambda i: bytes([i % 256]) * (i % 5)), pa.uint16(), pa.binary()),
    }).replace_schema_metadata(None)


def summary():
    quantiles = [maybe([{"quantile": q / 10, "value": maybe(i * q / 3)} for q in range(i % 4)]) for i in range(N)]
    quantile = pa.list_(pa.struct([("quantile", pa.float64()), ("value", pa.float64())]))
    return pa.table({
        "id": pa.array([1] * N, pa.uint32()),
        "parent_id": pa.array([0] * N, pa.uint16()),
        "time_unix_nano": pa.array(list(range(N)), pa.timestamp("ns")),
        "count": pa.array([maybe(2**64 - 1 - i) for i in range(N)], pa.uint64()),
        "sum": pa.array([maybe(i / 3) for i in range(N)], pa.float64()),
        "quantile": pa.array(quantiles, quantile),
    })


def histogram():
    return pa.table({
        "id": pa.array([1] * N, pa.uint32()),
        "parent_id": pa.array([0] * N, pa.uint16()),
        "time_unix_nano": pa.array(list(range(N)), pa.timestamp("ns")),
        "bucket_counts": pa.array([maybe([2**63 + j for j in range(i % 6)]) for i in range(N)], pa.list_(pa.uint64())),
        "explicit_bounds": pa.array([maybe([j / 8 for j in range(i % 5)]) for i in range(N)], pa.list_(pa.float64())),
        "min": pa.array([maybe(-i / 9) for i in range(N)], pa.float64()),
    })


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def column(array):
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    return [plain(v) for v in array.to_pylist()]


def leaves(table):
    found = {}
    for name in table.column_names:
        array = table.column(name).combine_chunks()
        if pa.types.is_struct(array.type):
            for i, field in enumerate(array.type):
                found[f"{name}.{field.name}"] = column(array.flatten()[i])
        elif not name.startswith("unknown"):
            found[name] = column(array)
    return found


expected = {}
for name, table in {"LOGS": logs(), "LOG_ATTRS": log_attrs(), "SUMMARY_DATA_POINTS": summary(), "HISTOGRAM_DATA_POINTS": histogram()}.items():
    expected[name] = leaves(table)
    for codec in [None, "lz4", "zstd"]:
        with pa.OSFile(f"{name.lower()}_{codec or 'plain'}.arrows", "wb") as sink:
            with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(compression=codec)) as writer:
                writer.write_table(table.combine_chunks())
with open("expected.json", "w") as out:
    json.dump(expected, out)  # then: gzip -9n expected.json

import lz4.frame as lz
from pathlib import Path
to = Path("../../../unit/compression/vectors")
words = b" ".join(random.choice([b"span", b"trace", b"log", b"metric", random.randbytes(3)]) for _ in range(30000))
(to / "words.bin").write_bytes(words)
(to / "linked.lz4").write_bytes(lz.compress(words, block_size=lz.BLOCKSIZE_MAX64KB, block_linked=True, content_checksum=True, store_size=True))
(to / "independent.lz4").write_bytes(lz.compress(words, block_size=lz.BLOCKSIZE_MAX64KB, block_linked=False, block_checksum=True, store_size=False, compression_level=9))
(to / "two_frames.lz4").write_bytes(lz.compress(words[:70000]) + b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + lz.compress(words[70000:]))
