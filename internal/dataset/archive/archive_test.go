// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// entry is one of an archive made for a test.
type entry struct {
	name string
	body string
	typ  byte        // of a tar; 0: a file
	mode fs.FileMode // of a zip; 0: a file
	link string
}

func makeTar(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Typeflag: e.typ, Mode: 0o644, Size: int64(len(e.body)), Linkname: e.link}
		if e.typ == 0 {
			header.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func makeZip(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			header.SetMode(e.mode)
		}
		part, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, e.body+e.link); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func gzipped(data []byte) []byte {
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, _ = w.Write(data)
	_ = w.Close()
	return buffer.Bytes()
}

func zstandard(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// patched returns data with the bytes at old replaced everywhere.
func patched(data []byte, old, replacement string) []byte {
	return bytes.ReplaceAll(data, []byte(old), []byte(replacement))
}

// expanded unpacks an archive into a folder that lies in another one, and returns the files in both.
func expanded(t *testing.T, data []byte, limits Limits) (files map[string]string, err error) {
	t.Helper()
	around := t.TempDir()
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(around, "in", "dataset")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err = Expand(t.Context(), file, dir, limits)
	files = map[string]string{}
	walkErr := filepath.WalkDir(around, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			t.Errorf("%s is no regular file", at)
			return nil
		}
		content, err := os.ReadFile(at)
		name, _ := filepath.Rel(dir, at)
		files[name] = string(content)
		return err
	})
	if walkErr != nil {
		t.Fatal(walkErr)
	}
	return files, err
}

func TestExpand(t *testing.T) {
	entries := []entry{
		{name: "pets/", typ: tar.TypeDir, mode: fs.ModeDir | 0o755}, {name: "pets/cat/0.jpg", body: "zero"},
		{name: "pets/dog/ü.jpg", body: "one"}, {name: "pets/dog/leer", body: ""},
	}
	dotted := append([]entry{{name: "./", typ: tar.TypeDir}}, entries...)
	dotted[2].name = "./" + dotted[2].name
	want := map[string]string{"pets/cat/0.jpg": "zero", "pets/dog/ü.jpg": "one", "pets/dog/leer": ""}
	for name, data := range map[string][]byte{
		"zip": makeZip(t, entries...), "tar": makeTar(t, dotted...), "tar.gz": gzipped(makeTar(t, entries...)),
		"tar.zst": zstandard(t, makeTar(t, entries...)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := expanded(t, data, DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// Each is refused by a message that names the entry and the cause, and leaves nothing outside the folder.
func TestHostileArchives(t *testing.T) {
	good := entry{name: "cat/0.jpg", body: "zero"}
	small := Limits{Bytes: 1 << 20, Entries: 10, Ratio: 20, FreeBytes: 4 << 10}
	zeros := strings.Repeat("\x00", 512<<10)
	many := make([]entry, 11)
	for i := range many {
		many[i].name = "cat/" + strings.Repeat("x", i+1)
	}
	for name, tc := range map[string]struct {
		data []byte
		says string
	}{
		"zip: out of the folder":           {makeZip(t, good, entry{name: "../evil", body: "x"}), `"../evil" leads out of the folder`},
		"zip: out of the folder below one": {makeZip(t, entry{name: "cat/../../evil", body: "x"}), `"cat/../../evil" leads out of the folder`},
		"zip: absolute":                    {makeZip(t, entry{name: "/etc/evil", body: "x"}), `"/etc/evil" is an absolute path`},
		"zip: a drive":                     {makeZip(t, entry{name: "c:/evil", body: "x"}), `"c:/evil" is an absolute path`},
		"zip: backslashes":                 {makeZip(t, entry{name: `..\evil`, body: "x"}), "has a backslash in its name"},
		"zip: symbolic link":               {makeZip(t, entry{name: "cat/link", mode: fs.ModeSymlink | 0o777, link: "/etc"}), `"cat/link" is a symbolic link`},
		"zip: device":                      {makeZip(t, entry{name: "cat/sda", mode: fs.ModeDevice | 0o666}), `"cat/sda" is a device`},
		"zip: named pipe":                  {makeZip(t, entry{name: "cat/pipe", mode: fs.ModeNamedPipe | 0o666}), `"cat/pipe" is a named pipe`},
		"zip: twice":                       {makeZip(t, good, good), `it has "cat/0.jpg" twice`},
		"zip: file and folder":             {makeZip(t, good, entry{name: "cat/0.jpg/x", body: "x"}), `"cat/0.jpg", or a folder above it, is a file in it too`},
		"zip: not UTF-8":                   {patched(makeZip(t, entry{name: "cat/A.jpg", body: "x"}), "cat/A.jpg", "cat/\xff.jpg"), "is not UTF-8"},
		"zip: NUL":                         {patched(makeZip(t, entry{name: "cat/A.jpg", body: "x"}), "cat/A.jpg", "cat/\x00.jpg"), "has control characters"},
		"zip: ratio":                       {makeZip(t, entry{name: "cat/bomb", body: zeros}), `at "cat/bomb" it has unpacked to more than 20 times its size`},
		"zip: entries":                     {makeZip(t, many...), "it has more than 10 entries"},
		"zip: encrypted":                   {encrypted(makeZip(t, good)), `"cat/0.jpg" is encrypted`},
		"zip: cut off":                     {makeZip(t, good)[:40], "it is damaged or cut off"},
		"zip: another checksum":            {wrongChecksum(makeZip(t, good)), `it is damaged or cut off at "cat/0.jpg"`},
		"tar: out of the folder":           {makeTar(t, good, entry{name: "cat/../../evil", body: "x"}), `"cat/../../evil" leads out of the folder`},
		"tar: absolute":                    {makeTar(t, entry{name: "/etc/evil", body: "x"}), `"/etc/evil" is an absolute path`},
		"tar: symbolic link": {makeTar(t, entry{name: "cat", typ: tar.TypeSymlink, link: "/tmp"}, entry{name: "cat/evil", body: "x"}),
			`"cat" is a symbolic link`},
		"tar: hard link":      {makeTar(t, entry{name: "cat/passwd", typ: tar.TypeLink, link: "/etc/passwd"}), `"cat/passwd" is a hard link`},
		"tar: device":         {makeTar(t, entry{name: "cat/sda", typ: tar.TypeBlock}), `"cat/sda" is a device`},
		"tar: terminal":       {makeTar(t, entry{name: "cat/tty", typ: tar.TypeChar}), `"cat/tty" is a device`},
		"tar: named pipe":     {makeTar(t, entry{name: "cat/pipe", typ: tar.TypeFifo}), `"cat/pipe" is a named pipe`},
		"tar: unknown type":   {makeTar(t, entry{name: "cat/odd", typ: 'Z'}), `"cat/odd" is neither a file nor a folder`},
		"tar: twice":          {makeTar(t, good, entry{name: "./cat/0.jpg", body: "x"}), `it has "cat/0.jpg" twice`},
		"tar: bytes":          {makeTar(t, entry{name: "cat/large", body: zeros}, entry{name: "cat/larger", body: zeros}), "it has unpacked to more than 1048576 bytes"},
		"tar: long name":      {makeTar(t, entry{name: strings.Repeat("x", 256), body: "x"}), "has a name longer than 255 bytes"},
		"tar: long path":      {makeTar(t, entry{name: strings.Repeat("x/", 600) + "y", body: "x"}), "is longer than 1024 bytes"},
		"tar: deep":           {makeTar(t, entry{name: strings.Repeat("x/", 40) + "y", body: "x"}), "lies deeper than 32 folders"},
		"tar: cut off":        {makeTar(t, good)[:1024], `it is cut off behind "cat/0.jpg"`},
		"tar: cut off within": {makeTar(t, good)[:514], `it is damaged or cut off at "cat/0.jpg"`},
		"tar.gz: ratio":       {gzipped(makeTar(t, entry{name: "cat/bomb", body: zeros})), `at "cat/bomb" it has unpacked to more than 20 times its size`},
		"tar.gz: cut off":     {cut(gzipped(makeTar(t, good)), 6), "it is damaged or cut off"},
		"tar.zst: ratio":      {zstandard(t, makeTar(t, entry{name: "cat/bomb", body: zeros})), `at "cat/bomb" it has unpacked to more than 20 times its size`},
		"tar.zst: cut off":    {cut(zstandard(t, makeTar(t, good)), 6), "it is damaged or cut off"},
		"another format":      {[]byte("7z\xbc\xaf\x27\x1c"), "it is neither a zip nor a tar"},
		"nothing":             {nil, "it is neither a zip nor a tar"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := expanded(t, tc.data, small)
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %v: %s", err, ErrRefused, tc.says)
			}
			for file := range files {
				if strings.HasPrefix(file, "..") {
					t.Errorf("%s was written outside the folder", file)
				}
			}
		})
	}
}

// encrypted marks the entry of a zip as encrypted.
func encrypted(data []byte) []byte {
	data[6] |= 1
	directory := bytes.Index(data, []byte("PK\x01\x02"))
	data[directory+8] |= 1
	return data
}

// wrongChecksum changes the checksum in a zip's directory.
func wrongChecksum(data []byte) []byte {
	directory := bytes.Index(data, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(data[directory+16:], 1)
	return data
}

func cut(data []byte, n int) []byte { return data[:len(data)-n] }

func TestDirectoryOfAZipIsBounded(t *testing.T) {
	d := &directoryReader{ReaderAt: strings.NewReader("0123456789"), left: 4}
	buffer := make([]byte, 3)
	if _, err := d.ReadAt(buffer, 0); err != nil {
		t.Error(err)
	}
	if _, err := d.ReadAt(buffer, 3); !errors.Is(err, errBudget) {
		t.Errorf("beyond the bound: %v", err)
	}
	d.open = true
	if _, err := d.ReadAt(buffer, 3); err != nil {
		t.Error(err)
	}
}

func TestExpandEndsWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, makeTar(t, entry{name: "cat/0.jpg", body: "zero"}), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Expand(ctx, file, t.TempDir(), DefaultLimits()); !errors.Is(err, context.Canceled) || errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestTop(t *testing.T) {
	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"classes":        {[]string{"cat/0", "dog/0"}, "."},
		"one more":       {[]string{"pets/cat/0", "pets/dog/0", "__MACOSX/x", ".DS_Store"}, "pets"},
		"two more":       {[]string{"a/b/cat/0", "a/b/dog/0"}, "a/b"},
		"one class":      {[]string{"cat/0"}, "."},
		"a file besides": {[]string{"pets/cat/0", "README"}, "."},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range tc.files {
				at := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Top(dir)
			if err != nil || got != filepath.Join(dir, tc.want) {
				t.Errorf("got %s, %v, want %s", got, err, tc.want)
			}
		})
	}
}
