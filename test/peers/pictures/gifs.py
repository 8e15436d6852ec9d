# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""GIFs that Pillow doesn't write."""

import struct

CODE_BITS = 12


def lzw(indices, code_size, clear=True, reset=True):
    """Codes of indices, behind a first clear code if wanted; where all codes are taken they begin anew, or stay as they are."""
    start, end = 1 << code_size, (1 << code_size) + 1
    bits, count, width, codes = 0, 0, code_size + 1, {}
    out = bytearray()

    def put(code):
        nonlocal bits, count
        bits |= code << count
        count += width
        while count >= 8:
            out.append(bits & 255)
            bits >>= 8
            count -= 8

    codes = {(i,): i for i in range(start)}
    following = end + 1
    if clear:
        put(start)
    word = ()
    for index in indices:
        if word + (index,) in codes:
            word += (index,)
            continue
        put(codes[word])
        if following < 1 << CODE_BITS:
            codes[word + (index,)] = following
            following += 1
            if following > 1 << width and width < CODE_BITS:
                width += 1
        elif reset:
            put(start)
            codes, following, width = {(i,): i for i in range(start)}, end + 1, code_size + 1
        word = (index,)
    if word:
        put(codes[word])
        if following == 1 << width and width < CODE_BITS:
            width += 1
    put(end)
    if count:
        out.append(bits & 255)
    return bytes(out)


def blocks(data, length=255):
    return b"".join(bytes([len(part)]) + part for part in (data[i:i + length] for i in range(0, len(data), length))) + b"\0"


def extension(label, *parts):
    return bytes([0x21, label]) + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def control(transparent=None, disposal=0):
    return extension(0xf9, struct.pack("<BHB", (disposal << 2) | (transparent is not None), 10, transparent or 0))


def interlace(rows):
    return [row for first, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for row in rows[first::step]]


def screen(width, height, palette=b"", background=0, version=b"89a"):
    flags = 0x80 | ((len(palette) // 3).bit_length() - 2) if palette else 0
    return b"GIF" + version + struct.pack("<HHBBB", width, height, flags, background, 0) + palette


def frame(rows, code_size, left=0, top=0, palette=b"", interlaced=False, length=255, data=None, **options):
    """A picture of rows of indices; data is that of others, in blocks."""
    height, width = rows.shape
    flags = (0x80 | ((len(palette) // 3).bit_length() - 2) if palette else 0) | (0x40 if interlaced else 0)
    indices = [int(i) for row in (interlace(rows) if interlaced else rows) for i in row]
    stored = blocks(lzw(indices, code_size, **options), length) if data is None else data
    return b"," + struct.pack("<4HB", left, top, width, height, flags) + palette + bytes([code_size]) + stored
