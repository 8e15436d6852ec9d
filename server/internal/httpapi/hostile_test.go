// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// unfinished begins the names of requests after which a server waits for more.
const unfinished = "unfinished: "

// hostile are requests, by name, as they go over a connection.
type hostile map[string][]byte

// post adds a body with its length.
func (h hostile) post(name, path, contentType string, body []byte, headers ...string) {
	h[name] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n%s",
		path, contentType, len(body), strings.Join(append(headers, ""), "\r\n"), body)
}

// raw adds a request word for word.
func (h hostile) raw(name, format string, args ...any) { h[name] = fmt.Appendf(nil, format, args...) }

// A server that gets three hundred requests made to harm it refuses them, keeps nothing of them, and serves others.
func TestHostileRequests(t *testing.T) {
	config := testConfig()
	config.Limits.MaxPixels, config.Limits.MaxBodyBytes = 100_000, 1<<20
	r := start(t, config, &servingtest.Predictor{})
	requests := hostile{}
	requests.addPictures(t)
	requests.addBombs(t)
	requests.addForms(t)
	requests.addDocuments()
	requests.addShapes()
	if len(requests) < 300 {
		t.Fatalf("%d requests, want 300 or more", len(requests))
	}
	statuses := map[int]int{}
	var heap [2]uint64
	for round := range heap { // what a first round allocates for good, a second doesn't
		for _, name := range slices.Sorted(maps.Keys(requests)) {
			status := r.provoke(t, requests[name], strings.HasPrefix(name, unfinished))
			statuses[status]++
			if status == 0 || status >= http.StatusInternalServerError && !refusals[status] {
				t.Errorf("%s: status %d", name, status)
			}
		}
		waitFor(t, func() bool { held := r.service.Held(); return held.Requests == 0 && held.BodyBytes == 0 })
		if a := r.predict(t, servingtest.PNG(t, servingtest.Red)); a.status != http.StatusOK {
			t.Fatalf("after them: status %d: %s", a.status, a.body)
		}
		heap[round] = heapAfterCollection()
	}
	t.Logf("%d requests, statuses %v, heap %d and %d kB", 2*len(requests), statuses, heap[0]>>10, heap[1]>>10)
	if grown := int64(heap[1]) - int64(heap[0]); grown > 1<<20 {
		t.Errorf("the heap is %d bytes larger after the second round than after the first", grown)
	}
}

// refusals are the statuses from 500 on that say no to the request: net/http has the first two for what it doesn't know of HTTP.
var refusals = map[int]bool{http.StatusNotImplemented: true, http.StatusHTTPVersionNotSupported: true, http.StatusServiceUnavailable: true}

// provoke sends a request, and ends it there if it is unfinished, and returns the status of the answer, or 0 if there is none.
func (r *running) provoke(t *testing.T, request []byte, ends bool) int {
	t.Helper()
	c := dial(t, r)
	defer c.Close()
	go func() { // an answer may come before all is sent
		_, _ = c.Write(request)
		if half, ok := c.Conn.(*net.TCPConn); ok && ends {
			_ = half.CloseWrite()
		}
	}()
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// heapAfterCollection is what is left in use once the collector has been through twice: pools give up what they hold by then.
func heapAfterCollection() uint64 {
	http.DefaultClient.CloseIdleConnections()
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// addPictures adds pictures of each format that are cut, and some with wrong bytes.
func (h hostile) addPictures(t *testing.T) {
	t.Helper()
	pictures := map[string][]byte{"png": servingtest.PNG(t, servingtest.Red)}
	for _, name := range []string{"progressive.jpg", "turned.jpg", "lossy.webp", "lossless.webp", "plain.bmp", "transparent.png"} {
		file, err := os.ReadFile("../../../internal/preprocess/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		pictures[name] = file
	}
	for name, file := range pictures {
		for i := range 20 {
			h.post(fmt.Sprintf("%s, cut at %d of 20", name, i), predictPath, "image/png", file[:len(file)*i/20])
		}
		for i := range 16 {
			wrong := bytes.Clone(file)
			for at := i + 8; at < len(wrong); at += max(1, len(wrong)/(i+2)) {
				wrong[at] ^= byte(0x55 << (i % 3))
			}
			h.post(fmt.Sprintf("%s, wrong bytes %d", name, i), predictPath, "image/png", wrong)
		}
	}
}

// pngOf is a PNG of a size whose pixels inflate to some bytes, whatever the size needs.
func pngOf(t *testing.T, width, height uint32, inflated int) []byte {
	t.Helper()
	var data bytes.Buffer
	w := zlib.NewWriter(&data)
	if _, err := w.Write(make([]byte, inflated)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	file := []byte("\x89PNG\r\n\x1a\n")
	for _, chunk := range []struct {
		name string
		data []byte
	}{{"IHDR", append(header, 8, 2, 0, 0, 0)}, {"IDAT", data.Bytes()}, {"IEND", nil}} {
		named := append([]byte(chunk.name), chunk.data...)
		file = binary.BigEndian.AppendUint32(file, uint32(len(chunk.data)))
		file = append(file, named...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(named))
	}
	return file
}

// jpegOf is a JPEG whose header has another size than its pixels.
func jpegOf(t *testing.T, width, height uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	frame := bytes.Index(file, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(file[frame+5:], height)
	binary.BigEndian.PutUint16(file[frame+7:], width)
	return file
}

// addBombs adds what is small and says, or comes to, something large.
func (h hostile) addBombs(t *testing.T) {
	t.Helper()
	h.post("PNG of 65535×65535", predictPath, "image/png", pngOf(t, 65535, 65535, 100))
	h.post("PNG of 2^31 columns", predictPath, "image/png", pngOf(t, 1<<31-1, 1, 100))
	h.post("PNG of no size", predictPath, "image/png", pngOf(t, 0, 0, 100))
	h.post("PNG whose pixels inflate to 64 MiB", predictPath, "image/png", pngOf(t, 16, 16, 64<<20))
	h.post("JPEG of 65535×65535", predictPath, "image/jpeg", jpegOf(t, 65535, 65535))
	h.post("JPEG of no size", predictPath, "image/jpeg", jpegOf(t, 0, 0))
	h.post("JPEG of one row of 65535", predictPath, "image/jpeg", jpegOf(t, 65535, 1))
	scans, err := os.ReadFile("../../../internal/preprocess/testdata/progressive.jpg")
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndex(scans, []byte{0xff, 0xda})
	scan := bytes.TrimSuffix(scans[last:], []byte{0xff, 0xd9})
	h.post("JPEG with its last scan a thousand times", predictPath, "image/jpeg", append(bytes.Clone(scans[:last]), bytes.Repeat(scan, min(1000, (1<<20-len(scans))/len(scan)))...))
	webp := []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00\x00\x00\x00")
	h.post("WebP of 16384×16384", predictPath, "image/webp", webp)
	h.post("WebP, lossy, of 16383×16383", predictPath, "image/webp", []byte("RIFF\x1a\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f"))
	var animation bytes.Buffer
	frames := gif.GIF{}
	for range 500 {
		frames.Image, frames.Delay = append(frames.Image, image.NewPaletted(image.Rect(0, 0, 64, 64), palette())), append(frames.Delay, 0)
	}
	if err := gif.EncodeAll(&animation, &frames); err != nil {
		t.Fatal(err)
	}
	h.post("GIF with 500 frames", predictPath, "image/gif", animation.Bytes())
	large := bytes.Clone(animation.Bytes())
	copy(large[6:], "\xff\xff\xff\xff")
	h.post("GIF of 65535×65535", predictPath, "image/gif", large)
	bmp := append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\x00\x18\x00"), make([]byte, 24)...)
	h.post("BMP of 2^31 squared", predictPath, "image/bmp", bmp)
	bomb := compressed(t, make([]byte, 64<<20))
	h.post("gzip of 64 MiB", predictPath, "image/png", bomb, "Content-Encoding: gzip")
	h.post("gzip in gzip", predictPath, "image/png", compressed(t, bomb), "Content-Encoding: gzip")
	h.post("gzip of 64 MiB to V2", "/v2/models/pets/infer", "application/json", bomb, "Content-Encoding: gzip")
	h.post("gzip twice", predictPath, "image/png", bomb, "Content-Encoding: gzip, gzip")
}

// addForms adds forms that are none.
func (h hostile) addForms(t *testing.T) {
	t.Helper()
	red := string(servingtest.PNG(t, servingtest.Red))
	part := func(head, body string) string { return "--b\r\n" + head + "\r\n\r\n" + body + "\r\n" }
	file := "Content-Disposition: form-data; name=\"file\"; filename=\"x\""
	long := strings.Repeat("x", 200_000)
	for name, body := range map[string]string{
		"no end":                     part(file, red),
		"no blank line":              "--b\r\n" + file + "\r\n" + red + "\r\n--b--\r\n",
		"no parts":                   "--b--\r\n",
		"nothing":                    "",
		"10,000 parts":               strings.Repeat(part("Content-Disposition: form-data; name=\"a\"", "x"), 10_000) + "--b--\r\n",
		"1,000 files":                strings.Repeat(part(file, "x"), 1000) + "--b--\r\n",
		"a part's header of 200 kB":  part(file+"\r\nX: "+long, red) + "--b--\r\n",
		"20,000 headers of a part":   part(file+strings.Repeat("\r\nX: y", 20_000), red) + "--b--\r\n",
		"a name of 200 kB":           part("Content-Disposition: form-data; name=\""+long+"\"", red) + "--b--\r\n",
		"a file name that climbs":    part("Content-Disposition: form-data; name=\"file\"; filename=\"../../../etc/passwd\"", red) + "--b--\r\n",
		"a file name with a newline": part("Content-Disposition: form-data; name=\"file\"; filename=\"a\nb\"", red) + "--b--\r\n",
		"a form in a form":           part("Content-Type: multipart/form-data; boundary=c\r\n"+file, "--c\r\n"+file+"\r\n\r\n"+red+"\r\n--c--") + "--b--\r\n",
		"base64 that isn't":          part(file+"\r\nContent-Transfer-Encoding: base64", red) + "--b--\r\n",
		"quoted-printable":           part(file+"\r\nContent-Transfer-Encoding: quoted-printable", red) + "--b--\r\n",
		"a boundary in the file":     part(file, "\xff\xd8\r\n--b\r\n"+red) + "--b--\r\n",
		"two ends":                   part(file, red) + "--b--\r\n--b--\r\n",
		"dashes":                     strings.Repeat("-", 500_000),
		"a preamble of 500 kB":       strings.Repeat("x\r\n", 160_000) + part(file, red) + "--b--\r\n",
	} {
		h.post("form: "+name, predictPath, "multipart/form-data; boundary=b", []byte(body))
	}
	for name, contentType := range map[string]string{
		"no boundary": "multipart/form-data", "an empty boundary": "multipart/form-data; boundary=", "a boundary of 5 kB": "multipart/form-data; boundary=" + long[:5000],
		"a boundary with a quote": "multipart/form-data; boundary=\"b", "multipart/mixed": "multipart/mixed; boundary=b", "two boundaries": "multipart/form-data; boundary=b; boundary=c",
	} {
		h.post("form: "+name, predictPath, contentType, []byte(part(file, red)+"--b--\r\n"))
	}
}

// addDocuments adds JSON that lies about what it holds.
func (h hostile) addDocuments() {
	deep := strings.Repeat("[", 100_000)
	for name, body := range map[string]string{
		"deep":            deep,
		"deep image":      `{"image":` + deep,
		"no base64":       `{"image":"@@@@"}`,
		"an URL":          `{"image":"http://169.254.169.254/latest/meta-data"}`,
		"a file":          `{"image":"file:///etc/passwd"}`,
		"100,000 images":  `{"images":[` + strings.Repeat(`"",`, 100_000) + `""]}`,
		"a number":        `{"image":1e999}`,
		"surrogates":      `{"image":"\ud800"}`,
		"twice":           `{"image":"","image":"","images":[]}`,
		"cut":             `{"image":"iVBOR`,
		"two documents":   `{"image":""}{"image":""}`,
		"a NUL":           "{\"image\":\"\x00\"}",
		"not UTF-8":       "{\"image\":\"\xff\xfe\"}",
		"an array":        `[1,2,3]`,
		"null":            `null`,
		"a key of 500 kB": `{"` + strings.Repeat("k", 500_000) + `":1}`,
	} {
		h.post("JSON: "+name, predictPath, "application/json", []byte(body))
	}
	input := func(datatype, shape, data string) string {
		return fmt.Sprintf(`{"inputs":[{"name":"input","datatype":%q,"shape":%s,"data":%s}]}`, datatype, shape, data)
	}
	for name, body := range map[string]string{
		"a shape that overflows": input("FP32", "[4294967296,4294967296,8,8]", "[1]"),
		"a shape of 2^40 images": input("FP32", "[1099511627776,3,8,8]", "[1]"),
		"a negative shape":       input("FP32", "[-1,3,8,8]", "[1]"),
		"a shape of fractions":   input("FP32", "[0.5,3,8,8]", "[1]"),
		"no shape":               input("FP32", "[]", "[1]"),
		"10,000 dimensions":      input("FP32", "["+strings.Repeat("1,", 9999)+"1]", "[1]"),
		"deep data":              input("FP32", "[1,3,8,8]", deep),
		"infinite data":          input("FP32", "[1,3,8,8]", "[1e400]"),
		"words":                  input("FP32", "[1,3,8,8]", `["x"]`),
		"another type":           input("FP64", "[1,3,8,8]", "[1]"),
		"bytes that are numbers": input("BYTES", "[1]", "[1]"),
		"1,000,000 images":       input("BYTES", "[1000000]", "[]"),
		"no inputs":              `{"inputs":[]}`,
		"1,000 inputs":           `{"inputs":[` + strings.Repeat(`{"name":"input","datatype":"FP32","shape":[1],"data":[1]},`, 999) + `{}]}`,
	} {
		h.post("V2: "+name, "/v2/models/pets/infer", "application/json", []byte(body))
	}
	for name, length := range map[string]string{"negative": "-1", "beyond the body": "99999999", "not a number": "x", "overflowing": "99999999999999999999", "zero": "0"} {
		h.post("V2 binary, length "+name, "/v2/models/pets/infer", "application/octet-stream", []byte(input("FP32", "[1,3,8,8]", "[1]")), "Inference-Header-Content-Length: "+length)
	}
	for _, length := range []string{"4294967295", "-1", "99999999999999999999"} {
		document := `{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":` + length + `}}]}`
		h.post("V2 binary, size "+length, "/v2/models/pets/infer", "application/octet-stream", []byte(document+"\xff\xff\xff\xff"), fmt.Sprintf("Inference-Header-Content-Length: %d", len(document)))
	}
}

// addShapes adds requests by which proxies and servers have come to disagree on where one ends, and such as HTTP does not allow.
func (h hostile) addShapes() {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	head := func(headers string) string { return "POST /predict HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" }
	for name, request := range map[string]string{
		"length and chunks":           head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled,
		"chunks and length":           head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n" + smuggled,
		"two lengths":                 head("Content-Length: 5\r\nContent-Length: 6\r\n") + "abcdef" + smuggled,
		"lengths in a list":           head("Content-Length: 5, 6\r\n") + "abcdef",
		"a signed length":             head("Content-Length: +5\r\n") + "abcde",
		"a negative length":           head("Content-Length: -5\r\n") + "abcde",
		"a length in hex":             head("Content-Length: 0x5\r\n") + "abcde",
		"a length that overflows":     head("Content-Length: 99999999999999999999\r\n") + "abcde",
		"a length of 2^62":            head("Content-Length: 4611686018427387904\r\n") + "abcde",
		"an empty length":             head("Content-Length:\r\n") + "abcde",
		"unknown chunks":              head("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n",
		"chunks twice":                head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled,
		"chunks and identity":         head("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n",
		"chunks with a tab":           head("Transfer-Encoding:\tchunked\r\n") + "0\r\n\r\n" + smuggled,
		"chunks with a vertical tab":  head("Transfer-Encoding: \x0bchunked\r\n") + "0\r\n\r\n",
		"chunks before a colon":       head("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n",
		"chunks in a folded line":     head("Transfer-Encoding:\r\n chunked\r\n") + "0\r\n\r\n",
		"a chunk that overflows":      head("Transfer-Encoding: chunked\r\n") + "FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
		"a negative chunk":            head("Transfer-Encoding: chunked\r\n") + "-1\r\nabc\r\n0\r\n\r\n",
		"a chunk in decimal":          head("Transfer-Encoding: chunked\r\n") + "3 \r\nabc\r\n0\r\n\r\n",
		"a chunk's long extension":    head("Transfer-Encoding: chunked\r\n") + "3;" + strings.Repeat("x", 100_000) + "\r\nabc\r\n0\r\n\r\n",
		"100,000 chunks of one byte":  head("Transfer-Encoding: chunked\r\n") + strings.Repeat("1\r\nx\r\n", 100_000) + "0\r\n\r\n",
		"a trailer of 2 MB":           head("Transfer-Encoding: chunked\r\n") + "0\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
		"a trailer that is a length":  head("Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n") + "0\r\nContent-Length: 9\r\n\r\n",
		"bare newlines":               "POST /predict HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc",
		"a bare return":               "POST /predict HTTP/1.1\r\nHost: x\rContent-Length: 3\r\n\r\nabc",
		"a NUL in a header":           head("X: a\x00b\r\nContent-Length: 0\r\n"),
		"a newline in the path":       "GET /health\nX: y HTTP/1.1\r\nHost: x\r\n\r\n",
		"a space in the path":         "GET /health x HTTP/1.1\r\nHost: x\r\n\r\n",
		"a header without a name":     head(": x\r\nContent-Length: 0\r\n"),
		"a header without a colon":    head("nonsense\r\nContent-Length: 0\r\n"),
		"no host":                     "GET /health HTTP/1.1\r\n\r\n",
		"two hosts":                   "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"a host that is none":         "GET /health HTTP/1.1\r\nHost: a/../b@c\r\n\r\n",
		"another host in the path":    "GET http://169.254.169.254/health HTTP/1.1\r\nHost: x\r\n\r\n",
		"a proxy's method":            "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method of 100 kB":          strings.Repeat("X", 100_000) + " / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method that is none":       "G(ET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"HTTP/3":                      "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
		"HTTP/1.10":                   "GET / HTTP/1.10\r\nHost: x\r\n\r\n",
		"HTTP/2 with a wrong preface": "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
		"TLS":                         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 64) + "\r\n\r\n",
		"a path of 2 MB":              "GET /" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"headers of 2 MB":             head("X: " + strings.Repeat("x", 2<<20) + "\r\n"),
		"100,000 headers":             head(strings.Repeat("X: y\r\n", 100_000)),
		"a path that climbs":          "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path that climbs, encoded": "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path with a NUL":           "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"a query of 500 kB":           "GET /logs?" + strings.Repeat("a=b&", 125_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a range of a million parts":  "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=" + strings.Repeat("0-0,", 10_000) + "0-0\r\n\r\n",
		"an upgrade":                  "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n",
		"an expectation":              head("Expect: 200-maybe\r\nContent-Length: 3\r\n") + "abc",
	} {
		h.raw("shape: "+name, "%s", request)
	}
	h.raw(unfinished+"a chunk of 2^60", "%s", head("Transfer-Encoding: chunked\r\n")+"1000000000000000\r\nabc\r\n0\r\n\r\n")
	h.raw(unfinished+"HTTP/0.9", "GET /\r\n\r\n")
}

func palette() color.Palette { return color.Palette{color.Black, color.White} }
