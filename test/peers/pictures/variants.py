# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""The pictures that decoding is compared on: formats by variants."""

import base64
import dataclasses
import gzip
import io
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

from . import gifs, jpegs
from .others import bmp, bmp_rows, chunk, exif, png

# Kinds of refusals, as preprocess names them, with a word that the message must have.
UNSUPPORTED, TRUNCATED, CORRUPT = "unsupported", "truncated", "corrupt"


@dataclasses.dataclass
class Variant:
    format: str
    name: str
    data: bytes
    refusal: tuple = ()


def picture(width, height, channels=3, seed=7):
    """Smooth ground, hard edges and noise, all colors apart."""
    rng = np.random.default_rng(seed + width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) * 255 // max(width + height - 2, 1), 255 - x * 200 // max(width, 1)], -1)
    base[(x // 5 + y // 7) % 3 == 0] = 255 - base[(x // 5 + y // 7) % 3 == 0]
    return np.clip(base + rng.integers(-20, 21, base.shape), 0, 255).astype(np.uint8)[:, :, :channels]


def image(width=61, height=43, mode="RGB"):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    array = picture(width, height, channels)
    return Image.fromarray(array[:, :, 0] if channels == 1 else array, mode)


def save(im, form, **options):
    out = io.BytesIO()
    im.save(out, form, **options)
    return out.getvalue()


SIZES = [(1, 1), (2, 2), (3, 5), (8, 8), (16, 16), (17, 23), (1, 40), (40, 1), (4, 33), (61, 43), (128, 96)]
FACTORS = [
    [(1, 1)] * 3, [(2, 1), (1, 1), (1, 1)], [(1, 2), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)], [(1, 4), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)], [(2, 4), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)], [(1, 3), (1, 1), (1, 1)], [(3, 2), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 2)], [(2, 2), (2, 1), (1, 2)], [(1, 1), (2, 2), (2, 2)], [(2, 2), (2, 2), (1, 1)], [(2, 1), (1, 2), (1, 1)],
    [(1, 1), (1, 1), (2, 1)], [(2, 2), (2, 1), (2, 1)], [(4, 1), (2, 1), (1, 1)], [(2, 2), (1, 2), (1, 2)],
]


def _name(factors):
    return " ".join(f"{h}x{v}" for h, v in factors)


def jpeg_saved():
    """What Pillow, that is libjpeg-turbo, writes."""
    for width, height in SIZES:
        for sampling, label in enumerate(("4:4:4", "4:2:2", "4:2:0")):
            for progressive in (False, True):
                name = f"{'progressive' if progressive else 'baseline'} {label} {width}x{height}"
                yield Variant("jpeg", name, save(image(width, height), "JPEG", subsampling=sampling, quality=90, progressive=progressive))
    for mode in ("L", "CMYK"):
        for progressive in (False, True):
            yield Variant("jpeg", f"{mode} progressive={progressive}", save(image(mode=mode), "JPEG", quality=92, progressive=progressive))
    for quality in (1, 10, 50, 75, 100):
        yield Variant("jpeg", f"quality {quality}", save(image(), "JPEG", quality=quality))
        yield Variant("jpeg", f"quality {quality} progressive", save(image(), "JPEG", quality=quality, progressive=True))
    for progressive in (False, True):
        yield Variant("jpeg", f"optimized progressive={progressive}", save(image(), "JPEG", optimize=True, progressive=progressive))
        for sampling in range(3):
            for restart in ({"restart_marker_blocks": 1}, {"restart_marker_blocks": 5}, {"restart_marker_rows": 1}):
                yield Variant("jpeg", f"restart {restart} sampling {sampling} progressive={progressive}",
                              save(image(), "JPEG", subsampling=sampling, progressive=progressive, **restart))
    yield Variant("jpeg", "RGB kept", save(image(), "JPEG", keep_rgb=True))
    yield Variant("jpeg", "RGB kept progressive", save(image(), "JPEG", keep_rgb=True, progressive=True))
    yield Variant("jpeg", "flat", save(Image.new("RGB", (100, 80), (10, 200, 30)), "JPEG"))
    yield Variant("jpeg", "large", save(image(700, 500), "JPEG", quality=85))
    yield Variant("jpeg", "large progressive", save(image(700, 500), "JPEG", quality=85, progressive=True))


def jpeg_sampling():
    """Sampling factors by orders of scans, restart intervals and sizes."""
    for factors in FACTORS:
        fractional = any(max(h for h, _ in factors) % h or max(v for _, v in factors) % v for h, v in factors)
        blocks = sum(h * v for h, v in factors)
        # More than 10 blocks an MCU are against the standard where a scan holds all components.
        refusal = (UNSUPPORTED, "sampling") if fractional else ()
        for width, height in ((61, 43), (16, 16), (3, 50), (1, 1)):
            planes = list(np.moveaxis(picture(width, height), -1, 0))
            label = f"{_name(factors)} {width}x{height}"
            yield Variant("jpeg", f"sampling {label}", jpegs.encode(planes, factors), refusal)
            yield Variant("jpeg", f"one component a scan {label}", jpegs.encode(planes, factors, scans=[[0], [1], [2]]), refusal)
            if blocks <= 10:
                yield Variant("jpeg", f"progressive {label}", jpegs.encode(planes, factors, progressive=True), refusal)
        planes = list(np.moveaxis(picture(61, 43), -1, 0))
        yield Variant("jpeg", f"scans in odd order {_name(factors)}", jpegs.encode(planes, factors, scans=[[2], [0], [1]]), refusal)
        yield Variant("jpeg", f"two scans {_name(factors)}", jpegs.encode(planes, factors, scans=[[0], [1, 2]]), refusal)
        for restart in (1, 7):
            yield Variant("jpeg", f"restart {restart} {_name(factors)}", jpegs.encode(planes, factors, restart=restart), refusal)
            if blocks <= 10:
                yield Variant("jpeg", f"restart {restart} progressive {_name(factors)}",
                              jpegs.encode(planes, factors, restart=restart, progressive=True), refusal)


def adobe(transform):
    return jpegs.segment(0xee, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


JFIF = jpegs.segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")


def jpeg_colors():
    three, four = list(np.moveaxis(picture(61, 43), -1, 0)), list(np.moveaxis(picture(61, 43, 4), -1, 0))
    full, halved = [(1, 1)] * 3, [(2, 2), (1, 1), (1, 1)]
    for name, app in {"nothing": b"", "JFIF": JFIF, "Adobe 0": adobe(0), "Adobe 1": adobe(1), "Adobe 2": adobe(2), "JFIF and Adobe 0": JFIF + adobe(0)}.items():
        for ids in ([1, 2, 3], [0, 1, 2], [82, 71, 66], [114, 103, 98], [1, 34, 35], [5, 6, 7], [1, 1, 1], [1, 1, 2]):
            yield Variant("jpeg", f"three colors, {name}, ids {ids}", jpegs.encode(three, full, app=app, ids=ids))
        yield Variant("jpeg", f"three colors, {name}, 4:2:0", jpegs.encode(three, halved, app=app))
        for ids in ([1, 2, 3, 4], [67, 77, 89, 75]):
            for factors in ([(1, 1)] * 4, [(2, 2), (1, 1), (1, 1), (2, 2)], [(2, 1), (1, 1), (1, 1), (2, 1)]):
                yield Variant("jpeg", f"four colors, {name}, ids {ids}, {_name(factors)}", jpegs.encode(four, factors, app=app, ids=ids))
        yield Variant("jpeg", f"four colors progressive, {name}", jpegs.encode(four, [(1, 1)] * 4, app=app, progressive=True))
    for h in (1, 2, 3, 4):
        for v in (1, 2, 4):
            yield Variant("jpeg", f"gray with factors {h}x{v}", jpegs.encode(three[:1], [(h, v)]))
            yield Variant("jpeg", f"gray progressive with factors {h}x{v}", jpegs.encode(three[:1], [(h, v)], progressive=True))
    yield Variant("jpeg", "two colors", jpegs.encode(three[:2], [(1, 1)] * 2), (UNSUPPORTED, "2 channels"))


def first_scans(data, count):
    """A progressive JPEG with its first scans only."""
    at = [i for i in range(len(data) - 1) if data[i:i + 2] == b"\xff\xda"]
    end = at[count]
    tables = data.rfind(b"\xff\xc4", at[count - 1], end)  # those of the next scan
    return data[:tables if tables > 0 else end] + b"\xff\xd9"


def jpeg_markers():
    three, full = list(np.moveaxis(picture(61, 43), -1, 0)), [(1, 1)] * 3
    plain = jpegs.encode(three, full, app=JFIF)
    saved = save(image(), "JPEG", quality=90)
    yield Variant("jpeg", "extended (SOF1)", jpegs.encode(three, full, sof=0xc1))
    yield Variant("jpeg", "quantization of 16 bits", jpegs.encode(three, full, wide_quant=True))
    yield Variant("jpeg", "without Huffman tables", jpegs.encode(three, full, tables=False))
    yield Variant("jpeg", "without Huffman tables, of Pillow", jpegs.without(save(image(), "JPEG", quality=80), 0xc4))
    yield Variant("jpeg", "without JFIF", jpegs.without(saved, 0xe0))
    yield Variant("jpeg", "fill bytes", jpegs.insert(plain, b"\xff\xff\xff"))
    yield Variant("jpeg", "fill bytes before the end", plain[:-2] + b"\xff\xff\xff\xd9")
    yield Variant("jpeg", "junk before the end", plain[:-2] + b"\x00\x01\x02\x03\xff\xd9")
    yield Variant("jpeg", "comment", jpegs.insert(plain, jpegs.segment(0xfe, b"x" * 5000)))
    yield Variant("jpeg", "all kinds of APP", jpegs.insert(plain, b"".join(jpegs.segment(0xe0 + i, b"something else %d" % i) for i in range(16))))
    yield Variant("jpeg", "trailing garbage", plain + bytes(range(256)) * 10)
    yield Variant("jpeg", "trailing JPEG", plain + saved)
    yield Variant("jpeg", "restart interval longer than the picture", jpegs.encode(three, full, restart=60000))
    yield Variant("jpeg", "12 bits", jpegs.insert(plain, b"").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c"), (UNSUPPORTED, "12 bits"))
    for sof, word in ((0xc3, "lossless"), (0xc5, "hierarchical"), (0xc6, "hierarchical"), (0xc7, "hierarchical"), (0xc9, "arithmetic"), (0xca, "arithmetic"),
                      (0xcb, "lossless"), (0xcd, "hierarchical"), (0xce, "hierarchical"), (0xcf, "hierarchical")):
        yield Variant("jpeg", f"process ff{sof:02x}", jpegs.encode(three, full, sof=sof), (UNSUPPORTED, word))
    yield Variant("jpeg", "JPEG-LS", plain.replace(b"\xff\xc0", b"\xff\xf7", 1), (UNSUPPORTED, "JPEG-LS"))
    for scans in (1, 2, 5, 9):
        yield Variant("jpeg", f"only {scans} scans of a progressive one", first_scans(save(image(), "JPEG", progressive=True), scans), (TRUNCATED, "scans are missing"))
    yield Variant("jpeg", "height by DNL", jpegs.encode(three, full, height=0)[:-2] + jpegs.segment(0xdc, b"\x00\x2b") + b"\xff\xd9", (UNSUPPORTED, "DNL"))
    yield Variant("jpeg", "without end marker", plain[:-2], (TRUNCATED, "end"))
    yield Variant("jpeg", "progressive without end marker", jpegs.encode(three, full, progressive=True)[:-2], (TRUNCATED, "end"))
    yield Variant("jpeg", "without quantization table", jpegs.without(plain, 0xdb), (CORRUPT, "quantization"))
    for part in (3, 20, 100, 400, len(saved) // 2, len(saved) - 40, len(saved) - 1):
        yield Variant("jpeg", f"cut to {part} bytes", saved[:part], (TRUNCATED, ""))
    yield Variant("jpeg", "cut, with an end marker", saved[:len(saved) // 2] + b"\xff\xd9", (TRUNCATED, "ends before"))
    restarted = jpegs.encode(three, full, restart=3)
    yield Variant("jpeg", "junk before a restart marker", restarted.replace(b"\xff\xd1", b"\x00\x12\xff\xd1", 1))
    yield Variant("jpeg", "restart markers in wrong order", restarted.replace(b"\xff\xd2", b"\xff\xd5", 1), (CORRUPT, "restart"))


def metadata():
    """Orientation, in every container."""
    im, j = image(), save(image(), "JPEG", subsampling=0)

    def app1(body):
        return jpegs.segment(0xe1, b"Exif\0\0" + body)

    def xmp(value):
        return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % value

    def png_of(before=b"", after=b""):
        return png(picture(61, 43), 2, 8, before=before, after=after)

    def webp(lossless, **more):
        return save(im, "WEBP", lossless=lossless, **more)

    for o in range(0, 10):
        yield Variant("jpeg", f"orientation {o}", jpegs.insert(j, app1(exif(o))))
        yield Variant("jpeg", f"orientation {o}, prefix twice", jpegs.insert(j, app1(b"Exif\0\0" + exif(o))))
        yield Variant("png", f"orientation {o}", png_of(before=chunk(b"eXIf", exif(o))))
        yield Variant("webp", f"orientation {o}", webp(False, exif=b"Exif\0\0" + exif(o)))
        yield Variant("webp", f"lossless orientation {o}", webp(True, exif=exif(o)))
    for order in "<>":
        for kind in (1, 3, 4, 6, 8, 9):
            body = exif(6, kind, order)
            yield Variant("jpeg", f"orientation of type {kind} {order}", jpegs.insert(j, app1(body)))
            yield Variant("png", f"orientation of type {kind} {order}", png_of(before=chunk(b"eXIf", body)))
            yield Variant("webp", f"orientation of type {kind} {order}", webp(True, exif=body))
    yield Variant("jpeg", "orientation twice in one", jpegs.insert(j, app1(exif(6)[:8] + struct.pack("<H", 2) + exif(6)[10:22] + exif(8)[10:])))
    yield Variant("jpeg", "orientation of two values", jpegs.insert(j, app1(exif(6, count=2))))
    yield Variant("jpeg", "two EXIF segments", jpegs.insert(j, app1(exif(6)) + app1(exif(3))))
    yield Variant("jpeg", "EXIF in two segments", jpegs.insert(j, app1(exif(6)[:10]) + app1(exif(6)[10:])))
    yield Variant("jpeg", "EXIF after XMP", jpegs.insert(j, jpegs.segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(3)) + app1(exif(6))))
    yield Variant("jpeg", "XMP orientation", jpegs.insert(j, jpegs.segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6))))
    yield Variant("jpeg", "EXIF before the frame only", jpegs.insert(j, app1(exif(6)), at=len(j) - 2))
    yield Variant("jpeg", "EXIF behind the tables", j.replace(b"\xff\xc0", app1(exif(8)) + b"\xff\xc0", 1))
    yield Variant("png", "eXIf behind the pixels", png_of(after=chunk(b"eXIf", exif(6))))
    yield Variant("png", "XMP orientation", png_of(before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6))))
    yield Variant("png", "XMP orientation, compressed", png_of(before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(xmp(8)))))
    profile = b"\nexif\n      32\n" + (b"Exif\0\0" + exif(6)).hex().encode() + b"\n"
    yield Variant("png", "EXIF as a raw profile", png_of(before=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))))
    yield Variant("png", "EXIF as a raw profile in tEXt", png_of(before=chunk(b"tEXt", b"Raw profile type exif\0" + profile)))
    yield Variant("webp", "XMP orientation", webp(True, xmp=xmp(6)))
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "text")
    yield Variant("png", "text", save(im, "PNG", pnginfo=info))


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png_kinds():
    rng = np.random.default_rng(5)
    palette = chunk(b"PLTE", rng.integers(0, 256, 768).astype(np.uint8).tobytes())
    for color, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            refusal = (UNSUPPORTED, "16-bit gray") if (color, depth) == (0, 16) else ()
            for interlaced in (False, True):
                for width, height in ((1, 1), (2, 3), (5, 1), (1, 7), (9, 9), (61, 43)):
                    samples = rng.integers(0, 1 << depth, (height, width, CHANNELS[color]))
                    before = chunk(b"PLTE", palette[8:8 + 3 * (1 << depth)]) if color == 3 else b""
                    name = f"color {color} depth {depth} interlaced={interlaced} {width}x{height}"
                    yield Variant("png", name, png(samples, color, depth, interlaced, before=before), refusal)
                    if color in (0, 2, 3):
                        alpha = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: bytes(rng.integers(0, 256, min(1 << depth, 7)).tolist())}[color]
                        yield Variant("png", name + " tRNS", png(samples, color, depth, interlaced, before=before + chunk(b"tRNS", alpha)), refusal)


def png_chunks():
    samples = picture(61, 43)
    gray = samples[:, :, :1]
    plain = png(samples, 2, 8)
    yield Variant("png", "chunks of one byte", png(samples[:9, :9], 2, 8, split=1))
    yield Variant("png", "an empty IDAT", png(samples, 2, 8, before=chunk(b"IDAT", b"")))
    yield Variant("png", "without IEND", png(samples, 2, 8, end=False))
    yield Variant("png", "trailing garbage", plain + b"garbage" * 100)
    yield Variant("png", "palette in gray", png(gray, 0, 8, before=chunk(b"PLTE", bytes(range(30)))))
    yield Variant("png", "palette suggested", png(samples, 2, 8, before=chunk(b"PLTE", bytes(range(30)))))
    yield Variant("png", "short palette", png(gray, 3, 8, before=chunk(b"PLTE", bytes(range(100, 250)))))
    yield Variant("png", "palette longer than its depth", png(gray >> 6, 3, 2, before=chunk(b"PLTE", bytes(range(200, 248)))))
    yield Variant("png", "gamma, profile, unknown chunks", png(samples, 2, 8, before=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"sRGB", b"\0") + chunk(b"prVt", b"x" * 40)))
    yield Variant("png", "transparent", save(image(mode="RGBA"), "PNG"))
    yield Variant("png", "animated", save(image(), "PNG", save_all=True, append_images=[image(61, 43).transpose(Image.Transpose.ROTATE_180)], duration=50))
    yield Variant("png", "animated with another first picture",
                  save(image(), "PNG", save_all=True, default_image=True, append_images=[Image.new("RGB", (61, 43), (9, 99, 200))], duration=50))
    yield Variant("png", "cut", plain[:len(plain) // 2], (TRUNCATED, ""))
    yield Variant("png", "cut in the header", plain[:20], (TRUNCATED, "header"))
    yield Variant("png", "cut before the pixels", plain[:40], (TRUNCATED, ""))
    yield Variant("png", "cut in the last checksum", plain[:-14])
    flipped = bytearray(plain)
    flipped[len(plain) // 2] ^= 255
    yield Variant("png", "a bit flipped", bytes(flipped), (CORRUPT, "checksum"))
    yield Variant("png", "without palette", png(gray, 3, 8), (CORRUPT, "palette"))
    yield Variant("png", "more data than pixels", plain.replace(struct.pack(">II", 61, 43), struct.pack(">II", 61, 40)).replace(
        struct.pack(">I", zlib.crc32(b"IHDR" + struct.pack(">IIBBBBB", 61, 43, 8, 2, 0, 0, 0))),
        struct.pack(">I", zlib.crc32(b"IHDR" + struct.pack(">IIBBBBB", 61, 40, 8, 2, 0, 0, 0)))))


def webps():
    for width, height in SIZES + [(15, 15), (33, 34), (200, 151)]:
        for quality in (0, 30, 80, 100):
            yield Variant("webp", f"lossy {quality} {width}x{height}", save(image(width, height), "WEBP", quality=quality))
        yield Variant("webp", f"lossless {width}x{height}", save(image(width, height), "WEBP", lossless=True))
        yield Variant("webp", f"lossless with transparency {width}x{height}", save(image(width, height, "RGBA"), "WEBP", lossless=True, exact=True))
        yield Variant("webp", f"lossy with transparency {width}x{height}", save(image(width, height, "RGBA"), "WEBP", quality=70))
    for method in range(7):
        yield Variant("webp", f"lossy method {method}", save(image(), "WEBP", method=method))
        yield Variant("webp", f"lossless method {method}", save(image(), "WEBP", lossless=True, method=method))
        yield Variant("webp", f"lossless smooth, method {method}", save(image(150, 100).resize((300, 200), Image.Resampling.BICUBIC), "WEBP", lossless=True, method=method))
    for color in ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255), (18, 52, 86)):
        yield Variant("webp", f"lossy {color}", save(Image.new("RGB", (64, 64), color), "WEBP", quality=95))
    for colors in (1, 2, 3, 4, 5, 16, 17, 256):
        reduced = image(80, 60).quantize(colors).convert("RGB")
        yield Variant("webp", f"lossless of {colors} colors", save(reduced, "WEBP", lossless=True))
    yield Variant("webp", "lossy transparency compressed", save(image(mode="RGBA"), "WEBP", alpha_quality=20))
    yield Variant("webp", "lossy, all transparent", save(Image.new("RGBA", (40, 30), (200, 100, 50, 0)), "WEBP", exact=True))
    yield Variant("webp", "with a color profile", save(image(), "WEBP", icc_profile=b"x" * 200))
    yield Variant("webp", "trailing garbage", save(image(), "WEBP") + b"garbage")
    frames = [Image.new("RGB", (40, 30), (i * 90, 200, 9)) for i in range(3)]
    for lossless in (False, True):
        yield Variant("webp", f"animated lossless={lossless}", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=lossless), (UNSUPPORTED, "animated WebP"))
    for lossless in (False, True):
        data = save(image(), "WEBP", lossless=lossless)
        for part in (15, 25, len(data) // 2, len(data) - 4):
            yield Variant("webp", f"cut to {part} bytes, lossless={lossless}", data[:part], (TRUNCATED, ""))


def bmps():
    rng = np.random.default_rng(3)
    for width, height in ((1, 1), (3, 2), (8, 8), (13, 7), (61, 43)):
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            yield Variant("bmp", f"{mode} of Pillow {width}x{height}", save(image(width, height).convert(mode), "BMP"))
        for bits in (1, 4, 8):
            used = (width * bits + 7) // 8
            rows = rng.integers(0, 256, (height, used)).astype(np.uint8)
            palette = rng.integers(0, 256, 4 << bits).astype(np.uint8).tobytes()
            name = f"{bits} bits {width}x{height}"
            for header in (40, 52, 56, 64, 108, 124):
                yield Variant("bmp", f"{name} header {header}", bmp(bmp_rows(rows), width, height, bits, header=header, palette=palette))
            yield Variant("bmp", f"{name} OS/2", bmp(bmp_rows(rows), width, height, bits, header=12, palette=palette[:3 << bits]))
            yield Variant("bmp", f"{name} top down", bmp(bmp_rows(rows), width, height, bits, palette=palette, top_down=True))
            yield Variant("bmp", f"{name} few colors", bmp(bmp_rows(rows & 0x11), width, height, bits, palette=palette[:8], colors=2))
        for bits in (16, 24, 32):
            rows = rng.integers(0, 256, (height, width * bits // 8)).astype(np.uint8)
            name = f"{bits} bits {width}x{height}"
            yield Variant("bmp", name, bmp(bmp_rows(rows), width, height, bits))
            yield Variant("bmp", f"{name} top down", bmp(bmp_rows(rows), width, height, bits, top_down=True))
            yield Variant("bmp", f"{name} OS/2", bmp(bmp_rows(rows), width, height, bits, header=12))
            for masks in {16: [(0xf800, 0x7e0, 0x1f, 0), (0x7c00, 0x3e0, 0x1f, 0)], 24: [(0xff0000, 0xff00, 0xff, 0)],
                          32: [(0xff0000, 0xff00, 0xff, 0), (0xff000000, 0xff0000, 0xff00, 0), (0xff000000, 0xff00, 0xff, 0), (0xff000000, 0xff0000, 0xff00, 0xff),
                               (0xff, 0xff00, 0xff0000, 0xff000000), (0xff0000, 0xff00, 0xff, 0xff000000), (0xff000000, 0xff00, 0xff, 0xff0000), (0, 0, 0, 0)]}[bits]:
                for header in (40, 52, 56, 108, 124):
                    if masks[3] and header < 56:
                        continue
                    packed = struct.pack("<4I", *masks)[:12 if header == 40 else 16]
                    yield Variant("bmp", f"{name} masks {masks} header {header}", bmp(bmp_rows(rows), width, height, bits, header=header, compression=3, masks=packed))
        yield Variant("bmp", f"strange masks {width}x{height}", bmp(bmp_rows(rows), width, height, 32, compression=3, masks=struct.pack("<3I", 0x3ff, 0xffc00, 0x3ff00000)), (UNSUPPORTED, "masks"))
    palette = rng.integers(0, 256, 1024).astype(np.uint8).tobytes()
    rle8 = bytes([5, 7, 3, 9, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 3, 8, 0, 0, 8, 200, 0, 0, 2, 1, 0, 2, 3, 0, 3, 4, 0, 1, 0, 0, 0, 1])
    yield Variant("bmp", "RLE8", bmp(rle8, 8, 4, 8, compression=1, palette=palette))
    rle4 = bytes([5, 0x12, 3, 0x34, 0, 0, 0, 5, 0x12, 0x34, 0x50, 0, 3, 0x88, 0, 0, 8, 0xab, 0, 0, 0, 8, 1, 2, 3, 4, 0, 1])
    yield Variant("bmp", "RLE4", bmp(rle4, 8, 4, 4, compression=2, palette=palette[:64]))
    yield Variant("bmp", "RLE8 cut", bmp(rle8[:12], 8, 4, 8, compression=1, palette=palette), (TRUNCATED, ""))
    yield Variant("bmp", "RLE24 and others", bmp(b"\0" * 100, 8, 4, 24, compression=4), (UNSUPPORTED, "compression"))
    rows = rng.integers(0, 256, (10, 30)).astype(np.uint8)
    yield Variant("bmp", "cut", bmp(bmp_rows(rows)[:-40], 10, 10, 24), (TRUNCATED, ""))
    yield Variant("bmp", "without the last padding", bmp(bmp_rows(rows)[:-2], 10, 10, 24))
    yield Variant("bmp", "2 bits", bmp(b"\0" * 100, 8, 4, 2, palette=palette[:16]), (UNSUPPORTED, "2 bits"))


def gifs_saved():
    """What Pillow writes."""
    for width, height in SIZES:
        for mode in ("L", "P", "1"):
            for interlaced in (0, 1):
                yield Variant("gif", f"{mode} of Pillow interlaced={interlaced} {width}x{height}", save(image(width, height).convert(mode), "GIF", interlace=interlaced))
    for colors in (1, 2, 3, 4, 8, 16, 17, 64, 256):
        yield Variant("gif", f"{colors} colors", save(image().quantize(colors), "GIF"))
        yield Variant("gif", f"{colors} colors, one transparent", save(image().quantize(colors), "GIF", transparency=colors // 2))
    yield Variant("gif", "of RGBA", save(image(mode="RGBA"), "GIF"))
    yield Variant("gif", "large", save(image(700, 500).quantize(256), "GIF"))
    yield Variant("gif", "with a comment", save(image(), "GIF", comment=b"x" * 700))
    for disposal in range(4):
        yield Variant("gif", f"animated, disposal {disposal}", save(image(), "GIF", save_all=True, append_images=[Image.new("RGB", (61, 43))], disposal=disposal, loop=3))


def gifs_made():
    """Sizes of palettes and codes, places on the screen, transparency, blocks."""
    rng = np.random.default_rng(9)
    colors = rng.integers(0, 256, 768).astype(np.uint8).tobytes()
    others = rng.integers(0, 256, 768).astype(np.uint8).tobytes()
    grays = bytes(i for value in range(256) for i in [value] * 3)
    for bits in range(2, 9):
        for width, height in ((1, 1), (3, 2), (9, 17), (61, 43)):
            rows = rng.integers(0, 1 << bits, (height, width))
            for interlaced in (False, True):
                name = f"{bits} bits interlaced={interlaced} {width}x{height}"
                yield Variant("gif", name, gifs.screen(width, height, colors[:3 << bits]) + gifs.frame(rows, bits, interlaced=interlaced) + b";")
                yield Variant("gif", f"{name} local palette", gifs.screen(width, height, others[:6]) + gifs.frame(rows, bits, palette=colors[:3 << bits], interlaced=interlaced) + b";")
                yield Variant("gif", f"{name} without palette", gifs.screen(width, height) + gifs.frame(rows, bits, interlaced=interlaced) + b";")
    rows = rng.integers(0, 16, (20, 30))
    palettes = {"colors": colors[:48], "grays": grays[:48], "none": b""}
    for outer, outer_colors in palettes.items():
        for inner, inner_colors in {**palettes, "few": others[:12], "few grays": grays[:12]}.items():
            for transparent in (None, 0, 5, 200):
                for left, top, width, height in ((0, 0, 30, 20), (3, 5, 40, 30), (0, 0, 31, 20), (20, 10, 30, 20), (7, 0, 0, 0)):
                    name = f"palette {outer}, of the picture {inner}, transparent {transparent}, {left},{top} of {width}x{height}"
                    before = gifs.screen(width, height, outer_colors, background=3) + (b"" if transparent is None else gifs.control(transparent))
                    yield Variant("gif", name, before + gifs.frame(rows, 4, left, top, inner_colors) + b";")
    start, body, end = gifs.screen(30, 20, colors), gifs.frame(rows, 8), b";"
    large = rng.integers(0, 256, (120, 120))
    for length in (1, 2, 254, 255):
        yield Variant("gif", f"blocks of {length}", start + gifs.frame(rows, 8, length=length) + end)
    for clear in (False, True):
        for reset in (False, True):
            for what, of in {"noise": large, "smooth": np.sort(large, axis=None).reshape(large.shape), "flat": large * 0}.items():
                yield Variant("gif", f"clear={clear} reset={reset} {what}", gifs.screen(120, 120, colors) + gifs.frame(of, 8, clear=clear, reset=reset) + end)
    yield Variant("gif", "of version 87a", gifs.screen(30, 20, colors, version=b"87a") + body + end)
    yield Variant("gif", "of version 88a", gifs.screen(30, 20, colors, version=b"88a") + body + end, (UNSUPPORTED, "GIF89a"))
    yield Variant("gif", "without trailer", start + body)
    yield Variant("gif", "trailing garbage", start + body + end + b"garbage" * 50)
    yield Variant("gif", "zeros between blocks", start + b"\0\0" + gifs.control(3) + b"\0" + body + end)
    yield Variant("gif", "two controls", start + gifs.control(3) + gifs.control(9) + gifs.frame(rows[:5], 8, 4, 4) + end)
    yield Variant("gif", "two controls, the last without transparency", start + gifs.control(3) + gifs.control() + gifs.frame(rows[:5], 8, 4, 4) + end)
    for name, more in {"loop": gifs.extension(0xff, b"NETSCAPE2.0", b"\1\0\0"), "comment": gifs.extension(0xfe, b"one", b"two"), "empty comment": gifs.extension(0xfe),
                       "text": gifs.extension(0x01, b"\0" * 12, b"text"), "unknown": gifs.extension(0x42, b"x" * 255, b"y"), "other application": gifs.extension(0xff, b"XMP DataXMP", b"<x/>")}.items():
        yield Variant("gif", f"extension: {name}", start + more + gifs.control(1) + body + end)
        yield Variant("gif", f"extension after the control: {name}", start + gifs.control(1) + more + body + end)
    yield Variant("gif", "empty extension", start + gifs.extension(0xff) + body + end, (CORRUPT, "empty extension"))
    yield Variant("gif", "loop without a count", start + gifs.extension(0xff, b"NETSCAPE2.0") + body + end, (CORRUPT, "empty extension"))
    yield Variant("gif", "short control", start + gifs.extension(0xf9, b"\1\0") + body + end, (CORRUPT, "control"))
    yield Variant("gif", "without a picture", start + end, (CORRUPT, "without a picture"))
    yield Variant("gif", "nothing in the picture", start + b"," + struct.pack("<4HB", 0, 0, 0, 5, 0) + b"\x08\0" + end, (CORRUPT, "0×5"))
    whole = gifs.lzw([int(i) for i in rows.flat], 8)
    yield Variant("gif", "more data than pixels", start + gifs.frame(rows[:15], 8, data=gifs.blocks(whole)) + end)
    yield Variant("gif", "more blocks than pixels", start + gifs.frame(rows, 8, data=gifs.blocks(whole)[:-1] + gifs.blocks(b"junk")) + end)
    yield Variant("gif", "less data than pixels", start + gifs.frame(rows, 8, data=gifs.blocks(gifs.lzw([1] * 400, 8))) + end, (TRUNCATED, "ends before"))
    yield Variant("gif", "without end code", start + gifs.frame(rows, 8, data=gifs.blocks(whole[:-1])) + end)
    yield Variant("gif", "code that is not there yet", start + gifs.frame(rows, 8, data=gifs.blocks(b"\x00\xff\xff\xff\xff\xff")) + end, (CORRUPT, "invalid code"))
    for bits in (0, 1, 9, 12, 13):
        yield Variant("gif", f"codes of {bits} bits", start + gifs.frame(rows & ((1 << bits) - 1), bits) + end, (UNSUPPORTED, f"codes of {bits} bits"))
    data = start + gifs.control(1) + body + end
    for part in (8, 13, 200, len(start), len(start) + 3, len(start) + 9, len(start) + 17, len(start) + 18, len(data) // 2 + 300, len(data) - 20):
        yield Variant("gif", f"cut to {part} bytes", data[:part], (TRUNCATED, ""))


def not_decoded():
    """Files that are no picture of a format decoded: refused by what they are."""
    im = image()
    for form, word in (("TIFF", "TIFF"), ("ICO", "ICO"), ("JPEG2000", "JPEG 2000"), ("AVIF", "AVIF"), ("PDF", "PDF"), ("DDS", "DDS"), ("QOI", "QOI")):
        yield Variant(form.lower(), "still", save(im, form), (UNSUPPORTED, word))
    jpeg = save(im, "JPEG")
    yield Variant("heic", "header", struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + b"\0" * 100, (UNSUPPORTED, "HEIC"))
    yield Variant("svg", "text", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', (UNSUPPORTED, "SVG"))
    yield Variant("text", "that begins as a BMP", b"BMW and other cars, in a list that is longer than a header", (UNSUPPORTED, "text"))
    yield Variant("html", "text", b"<!DOCTYPE html><html><body>404</body></html>", (UNSUPPORTED, "HTML"))
    yield Variant("gzip", "of a JPEG", gzip.compress(jpeg), (UNSUPPORTED, "gzip"))
    yield Variant("zlib", "of a JPEG", zlib.compress(jpeg), (UNSUPPORTED, "zlib"))
    yield Variant("base64", "of a JPEG", base64.b64encode(jpeg), (UNSUPPORTED, "base64"))
    yield Variant("base64", "data URL", b"data:image/jpeg;base64," + base64.b64encode(jpeg), (UNSUPPORTED, "data URL"))
    yield Variant("json", "text", b'{"image": 1}', (UNSUPPORTED, "JSON"))
    yield Variant("nothing", "empty", b"", (TRUNCATED, "no data"))
    yield Variant("nothing", "zeros", b"\0" * 100, (UNSUPPORTED, "no known kind"))


def all_variants():
    for family in (jpeg_saved, jpeg_sampling, jpeg_colors, jpeg_markers, metadata, png_kinds, png_chunks, webps, bmps, gifs_saved, gifs_made, not_decoded):
        yield from family()
