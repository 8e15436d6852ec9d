// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/bmp"
)

// pattern is an opaque test image whose pixels all differ from their
// neighbors.
func pattern(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x*37 + y*91), uint8(x*71 + y*29 + 53), uint8(x*13 + y*17 + 106), 255})
		}
	}
	return img
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeGIF(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeBMP(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngClaiming is a PNG whose header states a size that its data lacks.
func pngClaiming(width, height uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, width)
	b = binary.BigEndian.AppendUint32(b, height)
	b = append(b, 8, 2, 0, 0, 0) // 8-bit RGB
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

// gifDataAt is where the data begins in what gifClaiming returns.
const gifDataAt = 24

// gifClaiming is a GIF of one picture whose descriptor states a size that its data lacks, on a screen of one pixel.
func gifClaiming(width, height uint16) []byte {
	b := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, width)
	b = binary.LittleEndian.AppendUint16(b, height)
	return append(b, 0, 8, 0, ';') // codes of 8 bits, no data
}

// decode decodes data at its own size.
func decode(ctx context.Context, data []byte, limits Limits) (opened, []uint8, error) {
	img, err := open(data, limits, formats)
	if err != nil {
		return opened{}, nil, err
	}
	var pixels []uint8
	err = img.rows(ctx, func(row []uint8) { pixels = append(pixels, row...) })
	return img, pixels, err
}

func TestDecode(t *testing.T) {
	img := pattern(24, 10)
	jpegData, pngData, bmpData, gifData := encodeJPEG(t, img), encodePNG(t, img), encodeBMP(t, img), encodeGIF(t, img)
	const gifScreen = 6 // where its size stands
	hugeScreen := slices.Concat(gifData[:gifScreen], []byte("\xff\xff\xff\xff"), gifData[gifScreen+4:])
	flipped := slices.Clone(pngData)
	flipped[len(flipped)/2] ^= 0xff
	lossyWebP, losslessWebP := readFile(t, "testdata/lossy.webp"), readFile(t, "testdata/lossless.webp")

	cases := map[string]struct {
		data   []byte
		limits Limits
		want   error
		format string
	}{
		"jpeg":                  {data: jpegData, format: "jpeg"},
		"png":                   {data: pngData, format: "png"},
		"bmp":                   {data: bmpData, format: "bmp"},
		"webp lossy":            {data: lossyWebP, format: "webp"},
		"webp lossless":         {data: losslessWebP, format: "webp"},
		"no data":               {data: nil, want: ErrTruncated},
		"text":                  {data: []byte("not an image"), want: ErrUnsupported},
		"gif":                   {data: gifData, format: "gif"},
		"tiff":                  {data: []byte("II*\x00\x08\x00\x00\x00"), want: ErrUnsupported},
		"jpeg cut":              {data: jpegData[:len(jpegData)/2], want: ErrTruncated},
		"jpeg header cut":       {data: jpegData[:10], want: ErrTruncated},
		"png cut":               {data: pngData[:len(pngData)/2], want: ErrTruncated},
		"png cut in a chunk":    {data: pngData[:60], want: ErrTruncated},
		"png magic only":        {data: pngData[:8], want: ErrTruncated},
		"bmp cut":               {data: bmpData[:len(bmpData)-1], want: ErrTruncated},
		"gif cut":               {data: gifData[:len(gifData)-40], want: ErrTruncated},
		"gif header cut":        {data: gifData[:10], want: ErrTruncated},
		"gif without data":      {data: gifClaiming(2, 2), want: ErrTruncated},
		"gif of 100 megapixels": {data: gifClaiming(10_000, 10_000), want: ErrTooLarge},
		"gif on a huge screen":  {data: hugeScreen, want: ErrTooLarge},
		"gif of width 0":        {data: gifClaiming(0, 9), want: ErrCorrupt},
		"webp lossy cut":        {data: lossyWebP[:len(lossyWebP)-40], want: ErrTruncated},
		"webp lossless cut":     {data: losslessWebP[:len(losslessWebP)-20], want: ErrTruncated},
		"png bit flipped":       {data: flipped, want: ErrCorrupt},
		"png of 100 megapixels": {data: pngClaiming(10_000, 10_000), want: ErrTooLarge},
		"png of width 2^31-1":   {data: pngClaiming(1<<31-1, 1), want: ErrTooLarge},
		"png of width 0":        {data: pngClaiming(0, 9), want: ErrCorrupt},
		"one byte over":         {data: pngData, limits: Limits{MaxBytes: int64(len(pngData)) - 1, MaxPixels: 1e6}, want: ErrTooLarge},
		"bytes at the limit":    {data: pngData, limits: Limits{MaxBytes: int64(len(pngData)), MaxPixels: 1e6}, format: "png"},
		"one pixel over":        {data: pngData, limits: Limits{MaxBytes: 1e6, MaxPixels: 239}, want: ErrTooLarge},
		"pixels at the limit":   {data: pngData, limits: Limits{MaxBytes: 1e6, MaxPixels: 240}, format: "png"},
		"jpeg one pixel over":   {data: jpegData, limits: Limits{MaxBytes: 1e6, MaxPixels: 239}, want: ErrTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			limits := tc.limits
			if limits == (Limits{}) {
				limits = DefaultLimits()
			}
			got, pixels, err := decode(t.Context(), tc.data, limits)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error = %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			if got.format != tc.format {
				t.Errorf("format = %q, want %q", got.format, tc.format)
			}
			if len(pixels) != Channels*got.Width*got.Height {
				t.Errorf("%d bytes of %d×%d pixels", len(pixels), got.Width, got.Height)
			}
		})
	}
}

// Memory for a picture is set aside once its header has been read, and no context ends that: what it takes must be in
// proportion to the file, whatever is in it.
func TestOpenTakesNoMoreThanTheFile(t *testing.T) {
	chunk := func(kind, body string) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind+body...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	var deflated bytes.Buffer
	w := zlib.NewWriter(&deflated)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	jpegData, pngData := encodeJPEG(t, pattern(24, 10)), encodePNG(t, pattern(24, 10))
	const jpegHead, pngHead = 2, 8 + 25
	gifData := encodeGIF(t, pattern(24, 10))
	gifHead := bytes.Index(gifData, []byte("\x2c\x00\x00\x00\x00\x18\x00\x0a\x00")) // its picture's descriptor
	if gifHead < 0 {
		t.Fatal("the GIF has no such picture")
	}
	cases := map[string]struct {
		data   []byte
		head   int // what is inserted comes behind so many bytes
		insert []byte
		count  int
	}{
		"empty IDAT chunks":   {pngData, pngHead, chunk("IDAT", ""), 200_000},
		"texts that inflate":  {pngData, pngHead, chunk("zTXt", "XML:com.adobe.xmp\x00\x00"+deflated.String()), 200},
		"profiles, inflating": {pngData, pngHead, chunk("zTXt", "Raw profile type exif\x00\x00"+deflated.String()), 200},
		"GIF's comments":      {gifData, gifHead, []byte("!\xfe\x01x\x00"), 200_000},
		"EXIF segments":       {jpegData, jpegHead, []byte("\xff\xe1\x00\x0aExif\x00\x00II"), 20_000},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := slices.Concat(tc.data[:tc.head], bytes.Repeat(tc.insert, tc.count), tc.data[tc.head:])
			before := allocated()
			if _, err := open(data, DefaultLimits(), formats); err != nil {
				t.Fatal(err)
			}
			if took, most := allocated()-before, int64(10*len(data)+16<<20); took > most {
				t.Errorf("reading the header of %d bytes took %d, want %d at most", len(data), took, most)
			}
			if _, _, err := decode(t.Context(), data, DefaultLimits()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A scan of a few bytes goes over the whole picture.
func TestDecodeBoundsScans(t *testing.T) {
	data := readFile(t, "testdata/progressive.jpg")
	// The last bit of the DC coefficients may be read again and again.
	start := bytes.Index(data, []byte("\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x00\x10"))
	if start < 0 {
		t.Fatal("the picture has no such scan")
	}
	end := start + 14
	for data[end] != 0xff || data[end+1] == 0 {
		end++
	}
	for repeated, want := range map[int]error{50: nil, 100: ErrUnsupported} {
		many := slices.Concat(data[:end], bytes.Repeat(data[start:end], repeated), data[end:])
		if _, _, err := decode(t.Context(), many, DefaultLimits()); !errors.Is(err, want) {
			t.Errorf("%d scans more: error = %v, want %v", repeated, err, want)
		}
	}
}

func TestDecodeStopsWithContext(t *testing.T) {
	data := encodePNG(t, pattern(64, 64))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancelExpired := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelExpired()
	cases := map[string]struct {
		ctx  context.Context
		want error
	}{
		"canceled": {ctx: canceled, want: context.Canceled},
		"expired":  {ctx: expired, want: context.DeadlineExceeded},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, _, err := decode(tc.ctx, data, DefaultLimits()); !errors.Is(err, tc.want) {
				t.Errorf("error = %v, want %v", err, tc.want)
			}
		})
	}
}

// endAfter is a context that ends once it has been asked n times.
type endAfter struct {
	context.Context
	n int
}

func (c *endAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestDecodeStopsMidway(t *testing.T) {
	for name, data := range map[string][]byte{
		"jpeg": encodeJPEG(t, pattern(200, 200)),
		"png":  encodePNG(t, pattern(200, 200)),
		"bmp":  encodeBMP(t, pattern(200, 200)),
		"gif":  encodeGIF(t, pattern(200, 200)),
		// No pixel comes of codes that begin anew again and again.
		"gif of clear codes": append(gifClaiming(200, 200)[:gifDataAt], bytes.Repeat([]byte("\xfc"+strings.Repeat("\x00\x01\x02\x04\x08\x10\x20\x40\x80", 28)), 100)...),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &endAfter{Context: t.Context(), n: 5}
			_, _, err := decode(ctx, data, DefaultLimits())
			if err == nil || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated) {
				t.Errorf("error = %v, want the context's", err)
			}
		})
	}
}

// fuzzSeeds are files of all formats.
func fuzzSeeds(f *testing.F) {
	f.Helper()
	img := pattern(9, 7)
	for _, seed := range [][]byte{encodeJPEG(f, img), encodePNG(f, img), encodeBMP(f, img), encodeGIF(f, img), pngClaiming(10_000, 10_000), gifClaiming(200, 300)} {
		f.Add(seed)
	}
	for _, name := range []string{"pinned/8-bits-interlaced-true-9x17-local-palette.gif", "progressive.jpg", "turned.jpg", "transparent.png", "plain.bmp", "lossy.webp", "lossless.webp"} {
		f.Add(readFile(f, "testdata/"+name))
	}
}

func FuzzTensor(f *testing.F) {
	fuzzSeeds(f)
	spec := DefaultSpec(MinSize)
	f.Fuzz(func(t *testing.T, data []byte) {
		dst := make([]float32, spec.TensorLen())
		decoder := NewDecoder(Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 16, MemoryBytes: 1 << 24})
		for _, decoder := range []*Decoder{decoder, decoder.First()} {
			err := decoder.Tensor(t.Context(), spec, dst, data)
			if err != nil && !slices.ContainsFunc([]error{ErrTooLarge, ErrUnsupported, ErrTruncated, ErrCorrupt},
				func(want error) bool { return errors.Is(err, want) }) {
				t.Errorf("Tensor() error %v is of no documented kind", err)
			}
		}
	})
}

// FuzzRows holds the decoders to what a Decoder relies on: they don't panic, whole pictures have all their rows, and they take
// no more memory than their header says.
func FuzzRows(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range formats {
			if !hasMagic(data, format.magic) {
				continue
			}
			picture, err := format.open(data)
			if err != nil {
				return
			}
			header := picture.Header()
			if header.Width <= 0 || header.Height <= 0 || header.Orientation < 1 || header.Orientation > 8 {
				t.Fatalf("header %+v", header)
			}
			if header.Width > maxSide || header.Height > maxSide || header.Width*header.Height > 1<<16 {
				return
			}
			rows := 0
			before := allocated()
			err = picture.Rows(t.Context(), func(row []uint8) {
				if rows++; len(row) != Channels*header.Width {
					t.Errorf("a row of %d bytes for %d pixels", len(row), header.Width)
				}
			})
			// An error's own text takes some too.
			if took := allocated() - before; took > header.MemoryBytes+4<<10 {
				t.Errorf("%s took %d bytes, %d by its header %+v", format.name, took, header.MemoryBytes, header)
			}
			if err == nil && rows != header.Height {
				t.Errorf("%d rows of %d", rows, header.Height)
			}
		}
	})
}
