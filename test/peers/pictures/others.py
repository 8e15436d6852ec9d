# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""PNG and BMP variants that Pillow doesn't write, and EXIF structures."""

import struct
import zlib

import numpy as np


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _filtered(rows, bpp, rng):
    """Filters each row by a filter drawn at random."""
    out, above = bytearray(), None
    for row in rows:
        above = np.zeros_like(row) if above is None else above
        left = np.concatenate([np.zeros(bpp, np.uint8), row[:-bpp] if bpp < len(row) else row[:0]])[:len(row)]
        upper_left = np.concatenate([np.zeros(bpp, np.uint8), above[:-bpp] if bpp < len(row) else above[:0]])[:len(row)]
        a, b, c = left.astype(int), above.astype(int), upper_left.astype(int)
        p = a + b - c
        pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
        paeth = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
        kind = int(rng.integers(5))
        predicted = [np.zeros_like(a), a, b, (a + b) // 2, paeth][kind]
        out.append(kind)
        out += ((row.astype(int) - predicted) & 255).astype(np.uint8).tobytes()
        above = row
    return bytes(out)


def _pack(samples, depth):
    """Rows of samples (height, width, channels) in bytes."""
    height, width, channels = samples.shape
    flat = samples.reshape(height, width * channels)
    if depth == 16:
        return flat.astype(">u2").view(np.uint8).reshape(height, -1)
    if depth == 8:
        return flat.astype(np.uint8)
    bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples, color, depth, interlaced=False, before=b"", after=b"", split=None, end=True, seed=1):
    """A PNG of samples (height, width, channels); before and after are chunks around IDAT."""
    rng = np.random.default_rng(seed)
    height, width, channels = samples.shape
    bpp = max(channels * depth // 8, 1)
    raw = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += _filtered(_pack(part, depth), bpp, rng)
    data = zlib.compress(raw)
    split = split or len(data)
    idat = b"".join(chunk(b"IDAT", data[i:i + split]) for i in range(0, len(data), split))
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + idat + after + (chunk(b"IEND", b"") if end else b"")


def bmp(pixels, width, height, bits, header=40, compression=0, palette=b"", masks=b"", colors=0, top_down=False, offset=None):
    """A BMP of stored pixels, rows padded already."""
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(pixels), 0, 0, colors, 0)
        info += (masks if header > 40 else b"")[:header - 40].ljust(header - 40, b"\0")
    body = info + (masks if header == 40 else b"") + palette
    at = 14 + len(body) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, at) + body + pixels


def bmp_rows(rows):
    """Rows of bytes, the last first, padded to 4."""
    return b"".join(bytes(row) + b"\0" * (-len(bytes(row)) % 4) for row in reversed(list(rows)))


def exif(orientation, kind=3, order="<", count=1):
    """An EXIF structure with one tag of the given type."""
    value = {1: "B3x", 6: "b3x", 3: "H2x", 8: "h2x", 4: "I", 9: "i"}[kind]
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHI" + value + "I", 8, 1, 0x0112, kind, count, orientation, 0)
