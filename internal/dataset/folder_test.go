// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bitmap is a BMP file of one pixel, with the same bytes for the same n whatever
// encodes PNG.
func bitmap(n int) []byte {
	return []byte{
		'B', 'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, 0, 0,
		0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(n), byte(n >> 8), 7, 0,
	}
}

// The digests of datasets name what models were trained on: they must stay what
// earlier versions gave.
func TestDigestsStay(t *testing.T) {
	files := tree{}
	for i := range 20 {
		letter := string(rune('a' + i))
		files["cat/"+letter+".bmp"] = bitmap(i)
		files["dog/deep/"+letter+".bmp"] = bitmap(100 + i)
		files["Hund \u00e9/x/"+letter] = bitmap(300 + i)
	}
	d := open(t, files, testOptions())
	split, err := d.Split(SplitConfig{ValidationPercent: 10, TestPercent: 10, Seed: 42})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"sha256:96ea37980ef2f2d3d092b141b70847a4904b9a714b575dab4202fa67c2ee5b53",
		"sha256:5a178e79659ed4612ec0874bc7106b024ec6f79804fab878ca3756962ede553f",
		"sha256:f34a7421c448f96ae0b9022ed8517b20e8c056bac6debfc70aa1b484a3509c55",
		"sha256:9fc2390bc113ee3f413e507673cd7316361b15b5489058171d002a01601c6b24",
	}
	got := []string{d.Digest, split.Train.Digest(), split.Validation.Digest(), split.Test.Digest()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("digests of whole, training, validation and test (-want +got):\n%s", diff)
	}
}

// What systems leave on volumes and in archives is neither a class nor an image
// of one, wherever it lies.
func TestOpenPassesOverSystemsLeftovers(t *testing.T) {
	clean := open(t, classTree(t, 4, "cat", "dog"), testOptions())
	for name, cause := range map[string]Cause{
		"lost+found": CauseSystem, "__MACOSX": CauseSystem, "$RECYCLE.BIN": CauseSystem, "$Recycle.Bin": CauseSystem,
		"System Volume Information": CauseSystem, "FOUND.000": CauseSystem, "@eaDir": CauseSystem, "#recycle": CauseSystem,
		"@Recycle": CauseSystem, "~snapshot": CauseSystem, "__pycache__": CauseSystem, "Temporary Items": CauseSystem,
		".Trash-1000": CauseHidden, ".snapshot": CauseHidden, ".ipynb_checkpoints": CauseHidden, ".Spotlight-V100": CauseHidden,
		"..2024_05_01_10_00_00.123": CauseHidden, "RECYCLER": CauseSystem, "Recycled": CauseSystem, "LOST.DIR": CauseSystem,
		"$WinREAgent": CauseSystem, "msdownld.tmp": CauseSystem, "0.png:Zone.Identifier": CauseSystem,
	} {
		t.Run(name, func(t *testing.T) {
			files := classTree(t, 4, "cat", "dog")
			files[name+"/cat/0.png"] = picture(t, 500)
			files["cat/"+name+"/0.png"] = picture(t, 501)
			files["dog/deep/"+name+"/x/0.png"] = picture(t, 502)
			d := open(t, files, testOptions())
			if diff := cmp.Diff(clean.Classes, d.Classes); diff != "" {
				t.Errorf("Classes (-want +got):\n%s", diff)
			}
			if d.Digest != clean.Digest {
				t.Errorf("Digest = %s, want that without it, %s", d.Digest, clean.Digest)
			}
			want := []LeftOut{{cause, 3, []string{name, "cat/" + name, "dog/deep/" + name}}}
			if diff := cmp.Diff(want, d.LeftOut); diff != "" {
				t.Errorf("LeftOut (-want +got):\n%s", diff)
			}
		})
	}
}

// A volume may hold the data and what was trained on it.
func TestOpenPassesOverPublishedModels(t *testing.T) {
	files := classTree(t, 4, "cat", "dog")
	want := open(t, files, testOptions())
	files["cats-vs-dogs-1a2b3c4d/MANIFEST.json"], files["cats-vs-dogs-1a2b3c4d/model.onnx"] = nil, nil
	for i := range 4 {
		files[fmt.Sprintf("cats-vs-dogs-1a2b3c4d/report/%d.png", i)] = picture(t, 600+i)
	}
	got := open(t, files, testOptions())
	if got.Digest != want.Digest {
		t.Errorf("Digest = %s of %q, want that without the model, %s", got.Digest, got.Classes, want.Digest)
	}
	if diff := cmp.Diff([]LeftOut{{CauseArtifact, 1, []string{"cats-vs-dogs-1a2b3c4d"}}}, got.LeftOut); diff != "" {
		t.Errorf("LeftOut (-want +got):\n%s", diff)
	}
}

// Wherever below the data models are published, their reports' pictures are none
// of the data.
func TestOpenPassesOverFoldersOfPublishedModels(t *testing.T) {
	want := open(t, classTree(t, 4, "cat", "dog"), testOptions())
	for _, output := range []string{"models", "out/models", "cat", "dog/deep/models"} {
		t.Run(output, func(t *testing.T) {
			files := classTree(t, 4, "cat", "dog")
			for _, run := range []string{"/a-1a2b3c4d", "/b-5e6f7a8b"} {
				files[output+run+"/MANIFEST.json"], files[output+run+"/model.onnx"] = nil, nil
				for i := range 4 {
					files[fmt.Sprintf("%s%s/report/%d.png", output, run, i)] = picture(t, 600+i)
				}
			}
			got := open(t, files, testOptions())
			if diff := cmp.Diff(want.Classes, got.Classes); diff != "" {
				t.Errorf("Classes (-want +got):\n%s", diff)
			}
			if got.Digest != want.Digest {
				t.Errorf("Digest = %s, want that without the models, %s", got.Digest, want.Digest)
			}
			if diff := cmp.Diff([]LeftOut{{CauseArtifact, 2, []string{output + "/a-1a2b3c4d", output + "/b-5e6f7a8b"}}}, got.LeftOut); diff != "" {
				t.Errorf("LeftOut (-want +got):\n%s", diff)
			}
		})
	}
}

// mkfs makes lost+found for root alone, and a pod doesn't run as root.
func TestOpenReadsNoSystemFolder(t *testing.T) {
	root := classTree(t, 4, "cat", "dog").write(t)
	for _, name := range []string{"lost+found", "cat/lost+found"} {
		if err := os.Mkdir(filepath.Join(root, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	if _, err := Open(t.Context(), Folder(root), testOptions()); err != nil {
		t.Error(err)
	}
}

func link(t *testing.T, root string, links map[string]string) {
	t.Helper()
	for name, target := range links {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenFollowsLinks(t *testing.T) {
	elsewhere := classTree(t, 4, "horse", "foal").write(t)
	root := classTree(t, 4, "cat", "dog").write(t)
	link(t, root, map[string]string{
		"horse":          filepath.Join(elsewhere, "horse"), // a class on another volume
		"cat/more":       filepath.Join(elsewhere, "foal"),
		"cat/again":      filepath.Join(elsewhere, "foal"), // each folder counts once
		"cat/self":       ".",
		"cat/up":         "..",
		"cat/root":       "/",
		"dog/there":      "../horse",
		"dog/file.png":   "../cat/0.png",
		"dog/lost.png":   "nowhere.png",
		"dog/circle.png": "circle.png",
		"dog/through":    "0.png/x",
		"all":            ".", // the root as one of its classes
	})
	// Links back and forth lead in no circle.
	link(t, elsewhere, map[string]string{"horse/cat": filepath.Join(root, "cat")})

	d, err := Open(t.Context(), Folder(root), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cat", "dog", "horse"}, d.Classes); diff != "" {
		t.Errorf("Classes (-want +got):\n%s", diff)
	}
	// dog: its own, one linked, those of horse, and of cat, foal through horse/cat.
	if diff := cmp.Diff([]int{4 + 4, 4 + 1 + 4 + 4 + 4, 4 + 4 + 4}, d.All().ClassCounts()); diff != "" {
		t.Errorf("ClassCounts (-want +got):\n%s", diff)
	}
	for _, left := range d.LeftOut {
		if left.Cause != CauseLinkLoop && left.Cause != CauseNotFound {
			t.Errorf("left out: %+v", left)
		}
		if left.Cause == CauseNotFound {
			if diff := cmp.Diff([]string{"dog/circle.png", "dog/lost.png", "dog/through"}, left.First); diff != "" {
				t.Errorf("links to nothing (-want +got):\n%s", diff)
			}
		}
	}
	if diff := cmp.Diff(`link to "nowhere.png", where nothing is: no such file or directory`, d.Skipped.First[1].Err.Error()); diff != "" {
		t.Errorf("cause of the second file left out (-want +got):\n%s", diff)
	}
}

// A root that is reached by links, as git-sync and ConfigMaps have it, is the
// same dataset.
func TestOpenLinkedRoot(t *testing.T) {
	root := classTree(t, 4, "cat", "dog").write(t)
	mount := t.TempDir()
	if err := os.Rename(root, filepath.Join(mount, "..2024_05_01")); err != nil {
		t.Fatal(err)
	}
	link(t, mount, map[string]string{"..data": "..2024_05_01", "cat": "..data/cat", "dog": "..data/dog", "current": "..data"})
	want := open(t, classTree(t, 4, "cat", "dog"), testOptions()).Digest
	for _, at := range []string{"current", "..data"} {
		d, err := Open(t.Context(), Folder(filepath.Join(mount, at)), testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if d.Digest != want {
			t.Errorf("Digest at %s = %s, want %s", at, d.Digest, want)
		}
	}
	if err := os.Remove(filepath.Join(mount, "current")); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), Folder(mount), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if d.Digest != want {
		t.Errorf("Digest of the mount = %s, want %s", d.Digest, want)
	}
}

// No class is lost in silence.
func TestOpenNamesLostClasses(t *testing.T) {
	cases := map[string]struct {
		add   tree
		links map[string]string
		parts []string // of the message
	}{
		"dangling link":     {links: map[string]string{"horse": "/mnt/not-mounted/horses"}, parts: []string{`"horse"`, "/mnt/not-mounted/horses", "mount"}},
		"circle":            {links: map[string]string{"horse": "horse"}, parts: []string{`"horse"`, "symbolic links"}},
		"through a file":    {links: map[string]string{"horse": "cat/0.png/x"}, parts: []string{`"horse"`, "not a directory"}},
		"empty":             {add: tree{"horse/.keep": nil}, parts: []string{`"horse"`, "empty", "remove it"}},
		"only leftovers":    {add: tree{"horse/@eaDir/1.png": bitmap(1), "horse/Thumbs.db": nil}, parts: []string{`"horse"`, "empty"}},
		"other formats":     {add: tree{"horse/1.HEIC": []byte("\x00\x00\x00\x18ftypheic"), "horse/2.HEIC": nil}, parts: []string{`"horse"`, "0 usable", "2 of its 2 files", "horse/1.HEIC"}},
		"no images":         {add: tree{"annotations/1.xml": []byte("<x/>")}, parts: []string{`"annotations"`, "1 of its 1 files", "no class"}},
		"name not UTF-8":    {add: tree{"caf\xe9/1.png": bitmap(1)}, parts: []string{`"caf\xe9"`, "not UTF-8", "rename"}},
		"one name, encoded": {add: tree{"caf\u00e9/1.png": bitmap(1), "cafe\u0301/1.png": bitmap(2)}, parts: []string{`"caf\u00e9"`, `"cafe\u0301"`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := classTree(t, 4, "cat", "dog")
			for file, data := range tc.add {
				files[file] = data
			}
			root := files.write(t)
			link(t, root, tc.links)
			_, err := Open(t.Context(), Folder(root), testOptions())
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("Open() error = %v, want %v", err, ErrInvalid)
			}
			for _, part := range tc.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Open() error = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

// A folder whose path is longer than the system takes stays so: to try again is in vain.
func TestOpenRefusesFoldersTooDeep(t *testing.T) {
	root := classTree(t, 4, "cat", "dog").write(t)
	dir, err := os.OpenRoot(filepath.Join(root, "cat"))
	for name := strings.Repeat("d", 200); err == nil && len(dir.Name()) < 6000; {
		parent := dir
		if err = parent.Mkdir(name, 0o755); err == nil {
			dir, err = parent.OpenRoot(name)
		}
		_ = parent.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	_, err = Open(t.Context(), Folder(root), testOptions())
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "too deep") || len(err.Error()) > 600 {
		t.Errorf("Open() error = %v, want %v", err, ErrInvalid)
	}
}

// Names of files are bytes, and those of classes are compared in NFC.
func TestOpenNames(t *testing.T) {
	files := classTree(t, 4, "cat", "dog")
	composed, decomposed := tree{}, tree{}
	for name, data := range files {
		composed[strings.Replace(name, "cat", "caf\u00e9", 1)] = data
		decomposed[strings.Replace(name, "cat", "cafe\u0301", 1)] = data
	}
	decomposed["dog/caf\xe9.png"] = decomposed["dog/0.png"]
	delete(decomposed, "dog/0.png")
	decomposed["dog/\xe9t\xe9/\xff.PNG"] = decomposed["dog/1.png"]
	delete(decomposed, "dog/1.png")
	decomposed["dog/\xff"] = []byte("no image")
	want, got := open(t, composed, testOptions()), open(t, decomposed, testOptions())
	if diff := cmp.Diff([]string{"caf\u00e9", "dog"}, got.Classes); diff != "" {
		t.Errorf("Classes (-want +got):\n%s", diff)
	}
	if want.Digest != got.Digest {
		t.Errorf("Digest = %s, want %s, whatever the names", got.Digest, want.Digest)
	}
	if diff := cmp.Diff([]LeftOut{{CauseNotAnImage, 1, []string{`dog/\xff`}}}, got.LeftOut); diff != "" {
		t.Errorf("LeftOut (-want +got):\n%s", diff)
	}
	if got.Skipped.First[0].Name != `dog/\xff` {
		t.Errorf("Skipped = %+v", got.Skipped)
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"cat/1.jpg": "cat/1.jpg", "caf\u00e9": "caf\u00e9", "caf\xe9": `caf\xe9`, "\xff\u00e9\xfe": "\\xff\u00e9\\xfe", "\ufffd": "\ufffd", "": "",
	} {
		if got := Shown(name); got != want {
			t.Errorf("Shown(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestOpenWarnsOfSimilarClasses(t *testing.T) {
	d := open(t, classTree(t, 4, "Cat", "cat ", "dog"), testOptions())
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], `"Cat" and "cat "`) {
		t.Errorf("Warnings = %q, want one of Cat and cat", d.Warnings)
	}
}

func TestOpenWarnsOfImagesInSeveralClasses(t *testing.T) {
	root := classTree(t, 4, "cat", "dog").write(t)
	link(t, root, map[string]string{"kitten": "cat"})
	d, err := Open(t.Context(), Folder(root), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "4 files are copies of an image of another class, the first being kitten/") {
		t.Errorf("Warnings = %q, want one of kitten's four files", d.Warnings)
	}
}

func TestOpenWarnsOfClassesThatLoseFiles(t *testing.T) {
	files := classTree(t, 18, "cat", "dog")
	files["dog/\xff.heic"] = []byte("no image") // one of 19
	files["cat/1.heic"], files["cat/2.heic"] = []byte("no image"), nil
	d := open(t, files, testOptions())
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], `2 of the 20 files of class "cat" can't be used, the first being cat/1.heic: unsupported`) {
		t.Errorf("Warnings = %q, want one of cat's two files", d.Warnings)
	}
}
