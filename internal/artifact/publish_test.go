// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

var testRun = contract.Run{Name: "cats", Namespace: "team", UID: "0123456789abcdef"}

// text returns a function that writes s.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func stage(t *testing.T, output string, run contract.Run) *Staging {
	t.Helper()
	s, err := Stage(output, run)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publish publishes an artifact of two files.
func publish(t *testing.T, output string, run contract.Run) (dir string) {
	t.Helper()
	s := stage(t, output, run)
	for name, content := range map[string]string{"model.onnx": "weights", "report/report.json": "{}"} {
		if _, err := s.Add(name, text(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish(contract.TrainResult{Version: contract.Version, Outcome: contract.OutcomeSucceeded}); err != nil {
		t.Fatal(err)
	}
	return s.Dir()
}

// names lists everything below dir but dir itself.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != dir {
			name, _ := filepath.Rel(dir, path)
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPublish(t *testing.T) {
	output := filepath.Join(t.TempDir(), "new", "output")
	dir := publish(t, output, testRun)

	want := []string{"cats-01234567", "cats-01234567/MANIFEST.json", "cats-01234567/model.onnx", "cats-01234567/report", "cats-01234567/report/report.json"}
	if diff := cmp.Diff(want, names(t, output)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	manifest, err := Published(output, testRun)
	if err != nil {
		t.Fatal(err)
	}
	// The digests are those of sha256sum.
	digests := map[string]contract.File{
		"model.onnx":         {Path: "model.onnx", SHA256: "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c", SizeBytes: 7},
		"report/report.json": {Path: "report/report.json", SHA256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", SizeBytes: 2},
	}
	for _, file := range manifest.Files {
		if diff := cmp.Diff(digests[file.Path], file); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	}
	if manifest.Run != testRun || manifest.Result.Outcome != contract.OutcomeSucceeded {
		t.Errorf("manifest is of run %v with outcome %q", manifest.Run, manifest.Result.Outcome)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o755, filepath.Join(dir, "model.onnx"): 0o644} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o: a server may run as another user", path, got, want)
		}
	}
}

func TestNeverOverwrites(t *testing.T) {
	output := t.TempDir()
	late := stage(t, output, testRun) // staged before the other one is published
	if _, err := late.Add("model.onnx", text("other weights")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(late.dir, filepath.Join(output, "kept")); err != nil { // out of reach of the next attempt's clean-up
		t.Fatal(err)
	}
	dir := publish(t, output, testRun)
	if err := os.Rename(filepath.Join(output, "kept"), late.dir); err != nil {
		t.Fatal(err)
	}

	if err := late.Publish(contract.TrainResult{}); !errors.Is(err, ErrExists) {
		t.Errorf("Publish over an artifact: %v, want ErrExists", err)
	}
	if _, err := Stage(output, testRun); !errors.Is(err, ErrExists) {
		t.Errorf("Stage beside an artifact: %v, want ErrExists", err)
	}
	if err := late.Discard(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil || string(data) != "weights" {
		t.Errorf("the artifact holds %q, %v", data, err)
	}
}

func TestStageRemovesWhatAnEarlierAttemptLeft(t *testing.T) {
	output := t.TempDir()
	if _, err := stage(t, output, testRun).Add("model.onnx", text("half")); err != nil {
		t.Fatal(err)
	}
	stage(t, output, contract.Run{Name: "cat"}) // another run, whose name is a prefix
	s := stage(t, output, testRun)
	if got := names(t, output); len(got) != 2 {
		t.Errorf("left are %q, want the two newest stagings", got)
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, output); len(got) != 1 {
		t.Errorf("after Discard there are %q", got)
	}
}

func TestAddReportsAFailingWriter(t *testing.T) {
	broken := errors.New("broken")
	_, err := stage(t, t.TempDir(), testRun).Add("model.onnx", func(io.Writer) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestPublishedRefuses(t *testing.T) {
	cases := map[string]struct {
		damage func(t *testing.T, dir string)
		run    contract.Run
		want   error
		says   string
	}{
		"no artifact": {
			damage: func(t *testing.T, dir string) { remove(t, dir) }, run: testRun, want: ErrNotPublished,
		},
		"no manifest": {
			damage: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, contract.ManifestFile)) },
			run:    testRun, want: ErrInvalid, says: "has no MANIFEST.json",
		},
		"manifest is no JSON": {
			damage: func(t *testing.T, dir string) { write(t, filepath.Join(dir, contract.ManifestFile), "{") },
			run:    testRun, want: ErrInvalid, says: "decode",
		},
		"manifest of another version": {
			damage: func(t *testing.T, dir string) { write(t, filepath.Join(dir, contract.ManifestFile), `{"version":99}`) },
			run:    testRun, want: ErrInvalid, says: "version 99",
		},
		"changed file": {
			damage: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "model.onnx"), "weightz") },
			run:    testRun, want: ErrDigest, says: "model.onnx",
		},
		"missing file": {
			damage: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "model.onnx")) },
			run:    testRun, want: fs.ErrNotExist, says: "model.onnx",
		},
		"file outside": {
			damage: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, contract.ManifestFile), `{"version":1,"files":[{"path":"../../etc/passwd"}]}`)
			},
			run: testRun, want: ErrInvalid, says: "outside the artifact",
		},
		"another run with the same beginning of its UID": {
			damage: func(*testing.T, string) {}, run: contract.Run{Name: "cats", UID: "01234567ffffffff"}, want: ErrInvalid, says: "belongs to a run",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			output := t.TempDir()
			tc.damage(t, publish(t, output, testRun))
			_, err := Published(output, tc.run)
			if !errors.Is(err, tc.want) || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("got %v, want one that is %q and says %q", err, tc.want, tc.says)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// smallDisk mounts a file system of a megabyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting is not possible here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	output := smallDisk(t)
	s := stage(t, output, testRun)
	_, err := s.Add("model.onnx", text(strings.Repeat("x", 2<<20)))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "model.onnx") {
		t.Errorf("Add on a full disk: %v, want ENOSPC and the file's name", err)
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, output); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
}

func TestDiskFullLeavesTheCheckpointBefore(t *testing.T) {
	c := CheckpointsOf(smallDisk(t), testRun)
	if err := c.Save(checkpoint(1, 10, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(checkpoint(2, 20, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Save on a full disk: %v, want ENOSPC", err)
	}
	got, skipped, err := c.Latest()
	if err != nil || len(skipped) != 0 || got == nil || got.Step != 10 {
		t.Errorf("latest is %v (skipped %v, %v), want step 10", got, skipped, err)
	}
}
