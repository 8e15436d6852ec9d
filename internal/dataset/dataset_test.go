// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// picture is a PNG of one color that differs for each n.
func picture(t testing.TB, n int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 10, 10))
	for i := range 100 {
		img.SetRGBA(i%10, i/10, color.RGBA{uint8(n), uint8(n >> 8), uint8(i), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree maps paths to contents.
type tree map[string][]byte

// classTree has count different pictures for each class.
func classTree(t testing.TB, count int, classes ...string) tree {
	t.Helper()
	files := tree{}
	for c, class := range classes {
		for i := range count {
			files[fmt.Sprintf("%s/%d.png", class, i)] = picture(t, c*count+i)
		}
	}
	return files
}

func (files tree) write(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func testOptions() Options {
	return Options{Preprocess: preprocess.DefaultSpec(8), Workers: 3, CacheBytes: 1 << 20}
}

func open(t testing.TB, files tree, opts Options) *Dataset {
	t.Helper()
	d, err := Open(t.Context(), Folder(files.write(t)), opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpen(t *testing.T) {
	files := classTree(t, 4, "dog", "cat")
	files["README.md"] = []byte("beside the classes")
	files[".hidden/1.png"] = picture(t, 1)
	files["cat/.hidden.png"] = picture(t, 2)
	files["cat/deep/er/5.png"] = picture(t, 99)
	files["dog/notes.txt"] = []byte("no image")
	files["dog/Thumbs.db"] = []byte("no image either")
	files["dog/empty.png"] = nil
	files["dog/cut.png"] = picture(t, 3)[:60]
	d := open(t, files, testOptions())

	if diff := cmp.Diff([]string{"cat", "dog"}, d.Classes); diff != "" {
		t.Errorf("Classes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{5, 4}, d.All().ClassCounts()); diff != "" {
		t.Errorf("ClassCounts (-want +got):\n%s", diff)
	}
	wantSkipped := map[string]error{
		"dog/notes.txt": preprocess.ErrUnsupported, "dog/cut.png": preprocess.ErrTruncated, "dog/empty.png": preprocess.ErrTruncated,
	}
	if d.Skipped.Count != len(wantSkipped) || len(d.Skipped.First) != len(wantSkipped) {
		t.Errorf("Skipped = %+v, want %d files", d.Skipped, len(wantSkipped))
	}
	for _, file := range d.Skipped.First {
		if !errors.Is(file.Err, wantSkipped[file.Name]) || wantSkipped[file.Name] == nil {
			t.Errorf("skipped %s: %v, want %v", file.Name, file.Err, wantSkipped[file.Name])
		}
	}
	wantLeftOut := []LeftOut{
		{CauseBesideClasses, 1, []string{"README.md"}},
		{CauseHidden, 2, []string{".hidden", "cat/.hidden.png"}},
		{CauseNotAnImage, 1, []string{"dog/notes.txt"}},
		{CauseSystem, 1, []string{"dog/Thumbs.db"}},
		{CauseTruncated, 2, []string{"dog/cut.png", "dog/empty.png"}},
	}
	if diff := cmp.Diff(wantLeftOut, d.LeftOut); diff != "" {
		t.Errorf("LeftOut (-want +got):\n%s", diff)
	}
	data, err := d.File(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, files[d.Samples[0].Name]) {
		t.Errorf("File(0) is not the content of %s", d.Samples[0].Name)
	}
}

func TestOpenRefuses(t *testing.T) {
	long := strings.Repeat("x", 64)
	cases := map[string]struct {
		files tree
		at    string // below the root
		want  error
		parts []string // of the message
	}{
		"missing":        {at: "pets", want: ErrNotFound, parts: []string{"pets", "check the path"}},
		"a file":         {files: tree{"pets": []byte("x")}, at: "pets", want: ErrInvalid, parts: []string{"not a folder"}},
		"empty":          {want: ErrInvalid, parts: []string{"no images", "one folder for each class"}},
		"loose images":   {files: tree{"1.png": picture(t, 1)}, want: ErrInvalid, parts: []string{"1 files but no class folders"}},
		"empty class":    {files: tree{"a/1.png": picture(t, 1), "b/.keep": nil}, want: ErrInvalid, parts: []string{`class "b"`, "empty", "remove it"}},
		"one class":      {files: classTree(t, 5, "pets"), want: ErrInvalid, parts: []string{"one class only", `"pets"`, "add that to the path"}},
		"class too few":  {files: tree{"a/1.png": picture(t, 1), "b/1.png": picture(t, 2)}, want: ErrInvalid, parts: []string{"1 usable images", `"a"`, "at least 3"}},
		"class all junk": {files: tree{"a/1": []byte("x"), "b/1": []byte("y")}, want: ErrInvalid, parts: []string{"0 usable", "1 of its 1 files", "a/1"}},
		"long name":      {files: tree{long + "/1.png": picture(t, 1)}, want: ErrInvalid, parts: []string{"rename"}},
		"control code":   {files: tree{"a\nb/1.png": picture(t, 1)}, want: ErrInvalid, parts: []string{`"a\nb"`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := tc.files.write(t)
			_, err := Open(t.Context(), Folder(filepath.Join(root, tc.at)), testOptions())
			if !errors.Is(err, tc.want) {
				t.Fatalf("Open() error = %v, want %v", err, tc.want)
			}
			for _, part := range append(tc.parts, root) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Open() error = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

func TestOpenTooManyClasses(t *testing.T) {
	var many []File
	for i := range MaxClasses + 1 {
		many = append(many, File{Name: strconv.Itoa(i), Class: strconv.Itoa(i)})
	}
	if _, err := Open(t.Context(), fakeSource{files: many}, testOptions()); !errors.Is(err, ErrInvalid) {
		t.Errorf("Open() error = %v, want %v", err, ErrInvalid)
	}
}

func TestOpenInvalidPreprocessing(t *testing.T) {
	if _, err := Open(t.Context(), fakeSource{}, Options{}); err == nil || !strings.Contains(err.Error(), "size 0") {
		t.Errorf("Open() error = %v, want it to name the size", err)
	}
}

// Links, pipes and sizes that a folder of strangers may hold.
func TestOpenOddFiles(t *testing.T) {
	root := classTree(t, 4, "a", "b").write(t)
	if err := syscall.Mkfifo(filepath.Join(root, "a", "pipe.png"), 0o644); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	for link, target := range map[string]string{
		"a/dangling.png": "/does/not/exist",
		"a/endless.png":  "/dev/zero",
		"a/good.png":     filepath.Join(root, "b", "0.png"),
		"c":              filepath.Join(root, "a"),
	} {
		if err := os.Symlink(target, filepath.Join(root, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	opts := testOptions()
	opts.Limits = preprocess.Limits{MaxBytes: 10_000, MaxPixels: 1000, MemoryBytes: 1 << 20}
	if err := os.WriteFile(filepath.Join(root, "b", "huge.png"), make([]byte, 10_001), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), Folder(root), opts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{5, 4, 5}, d.All().ClassCounts()); diff != "" {
		t.Errorf("ClassCounts (-want +got):\n%s", diff)
	}
	if want := 3 + 3 + 1; d.Skipped.Count != want {
		t.Errorf("Skipped = %+v, want %d", d.Skipped, want)
	}
}

func TestSkippedIsBounded(t *testing.T) {
	files := classTree(t, 3, "a", "b")
	for i := range maxSkippedNamed + 30 {
		files[fmt.Sprintf("a/junk%03d", i)] = []byte("junk")
	}
	d := open(t, files, testOptions())
	if d.Skipped.Count != maxSkippedNamed+30 || len(d.Skipped.First) != maxSkippedNamed || d.Skipped.First[0].Name != "a/junk000" {
		t.Errorf("%d skipped, %d named, want %d with the first %d named", d.Skipped.Count, len(d.Skipped.First), maxSkippedNamed+30, maxSkippedNamed)
	}
}

func TestDigest(t *testing.T) {
	base := func() tree { return classTree(t, 4, "a", "b") }
	want := open(t, base(), testOptions()).Digest
	if !strings.HasPrefix(want, "sha256:") || len(want) != len("sha256:")+64 {
		t.Errorf("Digest = %q, want sha256: and 64 digits", want)
	}
	cases := map[string]struct {
		change func(tree)
		same   bool
	}{
		"renamed":               {change: func(f tree) { f["a/zzz.png"] = f["a/0.png"]; delete(f, "a/0.png") }, same: true},
		"junk added":            {change: func(f tree) { f["a/junk"] = []byte("junk") }, same: true},
		"added":                 {change: func(f tree) { f["a/more.png"] = picture(t, 77) }},
		"copied":                {change: func(f tree) { f["a/copy.png"] = f["a/0.png"] }},
		"removed":               {change: func(f tree) { delete(f, "a/0.png") }},
		"moved":                 {change: func(f tree) { f["b/more.png"] = f["a/0.png"]; delete(f, "a/0.png") }},
		"contents interchanged": {change: func(f tree) { f["a/0.png"], f["b/0.png"] = f["b/0.png"], f["a/0.png"] }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := base()
			tc.change(files)
			if got := open(t, files, testOptions()).Digest; (got == want) != tc.same {
				t.Errorf("Digest = %s, the unchanged one is %s, want same: %v", got, want, tc.same)
			}
		})
	}
}

func TestPixelsCachedOrNot(t *testing.T) {
	files := classTree(t, 4, "a", "b")
	cached := open(t, files, testOptions())
	opts := testOptions()
	opts.CacheBytes = 3 * int64(opts.Preprocess.PixelLen())
	partly := open(t, files, opts)
	kept := 0
	for i := range partly.Samples {
		if partly.cache[i] != nil {
			kept++
		}
		want, got := make([]uint8, opts.Preprocess.PixelLen()), make([]uint8, opts.Preprocess.PixelLen())
		if err := cached.Pixels(t.Context(), want, i); err != nil {
			t.Fatal(err)
		}
		if err := partly.Pixels(t.Context(), got, i); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("sample %d differs by whether it is cached", i)
		}
	}
	if kept != 3 {
		t.Errorf("%d samples are cached, want the 3 that the budget has room for", kept)
	}
}

// What is read again must be what the digest names.
func TestChangedFiles(t *testing.T) {
	cases := map[string]struct {
		change func(root, file string) error
		parts  []string // of the message
	}{
		"another image": {func(_, file string) error { return os.WriteFile(file, picture(t, 77), 0o644) }, []string{"sha256"}},
		"no image":      {func(_, file string) error { return os.WriteFile(file, []byte("overwritten"), 0o644) }, []string{"sha256"}},
		"cut off":       {func(_, file string) error { return os.Truncate(file, 60) }, []string{"sha256"}},
		"longer":        {func(_, file string) error { return os.WriteFile(file, append(picture(t, 0), 0), 0o644) }, []string{"sha256"}},
		"too large":     {func(_, file string) error { return os.Truncate(file, 64<<20) }, []string{"too large"}},
		"removed":       {func(_, file string) error { return os.Remove(file) }, []string{"no such file"}},
		"a folder":      {func(_, file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) }, []string{"not a regular file"}},
		"a dangling link": {func(_, file string) error { return errors.Join(os.Remove(file), os.Symlink("gone", file)) },
			[]string{`link to "gone"`}},
		"its class removed": {func(_, file string) error { return os.RemoveAll(filepath.Dir(file)) }, []string{"no such file"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := classTree(t, 3, "a", "b").write(t)
			opts := testOptions()
			opts.CacheBytes = 0
			d, err := Open(t.Context(), Folder(root), opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.change(root, filepath.Join(root, filepath.FromSlash(d.Samples[0].Name))); err != nil {
				t.Fatal(err)
			}
			err = d.Pixels(t.Context(), make([]uint8, opts.Preprocess.PixelLen()), 0)
			if !errors.Is(err, ErrChanged) || !errors.Is(err, ErrInvalid) {
				t.Fatalf("Pixels() error = %v, want %v", err, ErrChanged)
			}
			for _, part := range append(tc.parts, d.Samples[0].Name, root) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Pixels() error = %q, want it to contain %q", err, part)
				}
			}
			if _, fileErr := d.File(t.Context(), 0); !errors.Is(fileErr, ErrChanged) {
				t.Errorf("File() error = %v, want %v", fileErr, ErrChanged)
			}
		})
	}
}

// A volume that is unmounted, and a disk that fails, may come back as they were.
func TestStorageGoneIsNoChange(t *testing.T) {
	opts := testOptions()
	opts.CacheBytes = 0
	for name, unmount := range map[string]func(root string) error{
		"nothing there": os.RemoveAll,
		"empty":         func(root string) error { return errors.Join(os.RemoveAll(root), os.Mkdir(root, 0o755)) },
	} {
		t.Run(name, func(t *testing.T) {
			root := classTree(t, 3, "a", "b").write(t)
			d, err := Open(t.Context(), Folder(root), opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := unmount(root); err != nil {
				t.Fatal(err)
			}
			if _, err := d.File(t.Context(), 0); err == nil || errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "mounted") {
				t.Errorf("File() error = %v, want one that is no %v", err, ErrInvalid)
			}
		})
	}
	source := fakeSource{files: []File{}, read: func(context.Context, string) ([]byte, error) { return nil, syscall.ESTALE }}
	d := &Dataset{Samples: []Sample{{Name: "a/0"}}, source: source, reader: newReader(preprocess.DefaultLimits())}
	if _, err := d.File(t.Context(), 0); !errors.Is(err, syscall.ESTALE) || errors.Is(err, ErrInvalid) {
		t.Errorf("File() error = %v, want %v", err, syscall.ESTALE)
	}
}

// fakeSource returns what a test wants.
type fakeSource struct {
	files []File
	read  func(ctx context.Context, name string) ([]byte, error)
}

func (s fakeSource) List(context.Context) (Listing, error) { return Listing{Files: s.files}, nil }
func (s fakeSource) String() string                        { return "fake" }
func (s fakeSource) Read(ctx context.Context, name string, _ int64) ([]byte, error) {
	return s.read(ctx, name)
}

// A failing disk is no reason to train on fewer images.
func TestOpenStorageFails(t *testing.T) {
	failure := &fs.PathError{Op: "read", Path: "a/0", Err: syscall.EIO}
	source := fakeSource{
		files: []File{{Name: "a/0", Class: "a"}, {Name: "b/0", Class: "b"}},
		read:  func(context.Context, string) ([]byte, error) { return nil, failure },
	}
	_, err := Open(t.Context(), source, testOptions())
	if !errors.Is(err, syscall.EIO) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound) {
		t.Errorf("Open() error = %v, want %v and not one of the dataset's", err, syscall.EIO)
	}
}

func TestOpenStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var files []File
	for i := range 100 {
		files = append(files, File{Name: fmt.Sprintf("a/%d", i), Class: "a"}, File{Name: fmt.Sprintf("b/%d", i), Class: "b"})
	}
	data := picture(t, 0)
	source := fakeSource{files: files, read: func(context.Context, string) ([]byte, error) { cancel(); return data, nil }}
	if _, err := Open(ctx, source, testOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("Open() error = %v, want %v", err, context.Canceled)
	}
}

// How many files may be broken is the user's to say; without a limit any number may.
func TestMaxInvalidPercent(t *testing.T) {
	files := classTree(t, 8, "cat", "dog")
	files["cat/cut.png"] = picture(t, 1)[:40]
	files["dog/more.txt"], files["dog/other.txt"] = []byte("no image"), []byte("no image")
	files["dog/notes.txt"] = []byte("no image")
	for _, tc := range []struct {
		most    *int
		allowed bool
	}{{nil, true}, {ptr(100), true}, {ptr(20), true}, {ptr(19), false}, {ptr(0), false}} {
		opts := testOptions()
		opts.MaxInvalidPercent = tc.most
		_, err := Open(t.Context(), Folder(files.write(t)), opts)
		switch {
		case tc.allowed && err != nil:
			t.Errorf("at most %v: %v", tc.most, err)
		case tc.allowed:
		case !errors.Is(err, ErrTooManyInvalid) || errors.Is(err, ErrInvalid):
			t.Errorf("at most %d: %v", *tc.most, err)
		default:
			for _, want := range []string{"4 of the 20 files", "NotAnImage 3, Truncated 1", "all of which the log names, or raise maxInvalidPercent; the first: cat/cut.png: ", "; dog/more.txt: ", "; dog/notes.txt: "} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v doesn't say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "dog/other.txt") {
				t.Errorf("%v names a fourth file", err)
			}
		}
	}
}

func ptr(n int) *int { return &n }
