# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""JPEG variants that Pillow doesn't write: an encoder for any sampling factors, scans and markers."""

import struct

import numpy as np

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49,
          56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]


def _annex_k(path_bits, symbols):
    return bytes(path_bits), bytes(symbols)


DC_LUMA = _annex_k([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], range(12))
# The standard's table of AC codes: sizes 0 to 10 after runs 0 to 15, with its counts by length.
AC_LUMA = _annex_k([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d], bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a"
    "535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7"
    "c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"))


def _codes(table):
    counts, symbols = table
    codes, code, at = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[symbols[at]] = (code, length)
            code, at = code + 1, at + 1
        code <<= 1
    return codes


DC_CODES, AC_CODES = _codes(DC_LUMA), _codes(AC_LUMA)


class Bits:
    """Entropy-coded data."""

    def __init__(self):
        self.out, self.acc, self.n = bytearray(), 0, 0

    def put(self, value, length):
        self.acc, self.n = self.acc << length | value & ((1 << length) - 1), self.n + length
        while self.n >= 8:
            byte = self.acc >> (self.n - 8) & 255
            self.out.append(byte)
            if byte == 255:
                self.out.append(0)
            self.n -= 8
        self.acc &= (1 << self.n) - 1

    def flush(self):
        if self.n:
            self.put((1 << (8 - self.n)) - 1, 8 - self.n)

    def marker(self, marker):
        self.flush()
        self.out += bytes([255, marker])


def _put_value(bits, codes, run, value):
    size = int(abs(value)).bit_length()
    bits.put(*codes[run << 4 | size])
    if size:
        bits.put(value if value > 0 else value + (1 << size) - 1, size)


def _put_ac(bits, block, first, last):
    run = 0
    for k in range(first, last + 1):
        if block[k] == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*AC_CODES[0xf0])
            run -= 16
        _put_value(bits, AC_CODES, run, block[k])
        run = 0
    if run:
        bits.put(*AC_CODES[0])


_DCT = np.array([[np.cos((2 * x + 1) * u * np.pi / 16) * (np.sqrt(1 / 8) if u == 0 else 0.5) for x in range(8)] for u in range(8)])


class Component:
    """One channel: its samples at the picture's size are averaged down to its sampling factors."""

    def __init__(self, samples, h, v, max_h, max_v, quant):
        height, width = samples.shape
        self.h, self.v = h, v
        self.width, self.height = -(-width * h // max_h), -(-height * v // max_v)
        self.mcus_x, self.mcus_y = -(-width // (8 * max_h)), -(-height // (8 * max_v))
        rows, columns = self.mcus_y * v * 8, self.mcus_x * h * 8
        at_y = np.minimum(np.arange(rows) * max_v // v, height - 1)
        at_x = np.minimum(np.arange(columns) * max_h // h, width - 1)
        plane = samples[np.ix_(at_y, at_x)].astype(float) - 128
        blocks = plane.reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2)
        coefficients = np.rint(_DCT @ blocks @ _DCT.T / quant).astype(int)
        self.blocks = coefficients.reshape(rows // 8, columns // 8, 64)[:, :, ZIGZAG]


def _mcus(components, scan):
    """The blocks of each MCU of a scan, as (component, block)."""
    if len(scan) == 1:
        c = components[scan[0]]
        for y in range(-(-c.height // 8)):
            for x in range(-(-c.width // 8)):
                yield [(scan[0], c.blocks[y, x])]
        return
    first = components[scan[0]]
    for my in range(first.mcus_y):
        for mx in range(first.mcus_x):
            yield [(i, components[i].blocks[my * components[i].v + v, mx * components[i].h + h])
                   for i in scan for v in range(components[i].v) for h in range(components[i].h)]


def _scan_data(components, scan, first, last, restart):
    bits, previous = Bits(), [0] * len(components)
    for n, mcu in enumerate(_mcus(components, scan)):
        if restart and n and n % restart == 0:
            bits.marker(0xd0 + (n // restart - 1) % 8)
            previous = [0] * len(components)
        for i, block in mcu:
            if first == 0:
                _put_value(bits, DC_CODES, 0, int(block[0]) - previous[i])
                previous[i] = int(block[0])
            if last > 0:
                _put_ac(bits, [int(v) for v in block], max(first, 1), last)
    bits.flush()
    return bytes(bits.out)


def segment(marker, body):
    return bytes([255, marker]) + struct.pack(">H", len(body) + 2) + body


def encode(planes, factors, ids=None, scans=None, progressive=False, restart=0, app=b"", sof=None, wide_quant=False, tables=True,
           quality=4, height=None):
    """Encodes planes (arrays of one size) with sampling factors [(h, v)]; scans is a list of lists of components."""
    max_h, max_v = max(h for h, _ in factors), max(v for _, v in factors)
    quant = np.add.outer(np.arange(8), np.arange(8)) * quality // 2 + quality
    components = [Component(p, h, v, max_h, max_v, quant) for p, (h, v) in zip(planes, factors)]
    ids = ids or list(range(1, len(planes) + 1))
    out = b"\xff\xd8" + app
    values = quant.reshape(64)[ZIGZAG]
    if wide_quant:
        out += segment(0xdb, b"\x10" + struct.pack(">64H", *values))
    else:
        out += segment(0xdb, b"\x00" + bytes(values.tolist()))
    frame = struct.pack(">BHHB", 8, planes[0].shape[0] if height is None else height, planes[0].shape[1], len(planes))
    for i, (h, v) in zip(ids, factors):
        frame += bytes([i, h << 4 | v, 0])
    out += segment(sof or (0xc2 if progressive else 0xc0), frame)
    if tables:
        out += segment(0xc4, b"\x00" + DC_LUMA[0] + DC_LUMA[1]) + segment(0xc4, b"\x10" + AC_LUMA[0] + AC_LUMA[1])
    if restart:
        out += segment(0xdd, struct.pack(">H", restart))
    everything = list(range(len(planes)))
    if progressive:
        order = [(everything, 0, 0)] + [([i], a, b) for i in everything for a, b in ((1, 5), (6, 63))]
    else:
        order = [(scan, 0, 63) for scan in scans or [everything]]
    for scan, first, last in order:
        body = bytes([len(scan)]) + b"".join(bytes([ids[i], 0]) for i in scan) + bytes([first, last, 0])
        out += segment(0xda, body) + _scan_data(components, scan, first, last, restart)
    return out + b"\xff\xd9"


def insert(data, extra, at=2):
    return data[:at] + extra + data[at:]


def without(data, marker):
    """data without the segments of a marker."""
    out, i = data[:2], 2
    while data[i + 1] != 0xda:
        length = struct.unpack(">H", data[i + 2:i + 4])[0] + 2
        if data[i + 1] != marker:
            out += data[i:i + length]
        i += length
    return out + data[i:]
