// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package prune

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/test/peers"
)

var (
	pets = contract.Run{Name: "pets", Namespace: "zoo", UID: "01234567-89ab"}
	cars = contract.Run{Name: "cars", Namespace: "zoo", UID: "76543210-89ab"}
)

// publish writes an artifact as a run does, and gives it a checkpoint.
func publish(t *testing.T, root string, run contract.Run) {
	t.Helper()
	staging, err := artifact.Stage(root, run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{contract.ModelFile, contract.ReportDir + "/report.html"} {
		if _, err := staging.Add(name, func(w io.Writer) error { _, err := io.WriteString(w, "0123456789"); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := staging.Publish(contract.TrainResult{Version: contract.Version, Outcome: contract.OutcomeSucceeded}); err != nil {
		t.Fatal(err)
	}
	checkpoint := &artifact.Checkpoint{Checkpoint: contract.Checkpoint{Epoch: 1, Step: 2}, State: []byte("{}"),
		Tensors: map[string]artifact.Tensor{"w": {Shape: []int{1}, Data: []float32{1}}}}
	if err := artifact.CheckpointsOf(root, run).Save(checkpoint); err != nil {
		t.Fatal(err)
	}
}

// write writes a file that no run has left.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// tree lists the files below a folder, and the folders that are empty.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			inside, err := os.ReadDir(at)
			if err != nil || len(inside) > 0 {
				return err
			}
		}
		name, err := filepath.Rel(root, at)
		all = append(all, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// places are an output in a folder, and one in a bucket whose objects are files of a folder.
func places(t *testing.T, test func(t *testing.T, root string, open func() *Place)) {
	t.Run("folder", func(t *testing.T) {
		root := t.TempDir()
		test(t, root, func() *Place {
			place, err := InFolder(root)
			if err != nil {
				t.Fatal(err)
			}
			return place
		})
	})
	t.Run("bucket", func(t *testing.T) {
		server := peers.StartS3(t, "models")
		test(t, filepath.Join(server.Dir, "models", "team"), func() *Place {
			opened, err := objectstore.Open(t.Context(), server.URI("models/team"), contract.Access{Credentials: server.Credentials})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { opened.Close() })
			return InBucket(opened)
		})
	})
}

func TestListAndRemove(t *testing.T) {
	places(t, func(t *testing.T, root string, open func() *Place) {
		publish(t, root, pets)
		publish(t, root, cars)
		write(t, filepath.Join(root, "photographs", "cat", "1.jpg"), "meow")
		write(t, filepath.Join(root, "README"), "mine")
		before := tree(t, root)
		place := open()

		all, err := place.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || all[0].Name != "cars-76543210" || all[1].Name != "pets-01234567" || all[1].Run != pets || all[1].Refused != "" {
			t.Fatalf("listed %+v", all)
		}
		if got := all[1].Artifact; got.Files != 3 || got.SizeBytes <= 20 || all[1].Checkpoints.Files != 2 || all[1].Written.IsZero() {
			t.Errorf("listed %+v", all[1])
		}
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Errorf("to list has changed something (-before +after):\n%s", diff)
		}

		if err := place.Remove(t.Context(), "pets-01234567", pets); err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(before, func(name string) bool { return strings.Contains(name, "pets-01234567") })
		if diff := cmp.Diff(want, tree(t, root)); diff != "" {
			t.Errorf("removed more or less than the run's own (-want +got):\n%s", diff)
		}
		if err := place.Remove(t.Context(), "pets-01234567", pets); err != nil {
			t.Errorf("removed once more: %v", err)
		}
		if _, there, err := place.Find(t.Context(), "pets-01234567"); there || err != nil {
			t.Errorf("it is found still, error %v", err)
		}
	})
}

// What no run has written stays, and all beside it.
func TestWhatIsRefused(t *testing.T) {
	const name = "pets-01234567"
	cases := map[string]struct {
		change func(t *testing.T, root string)
		run    contract.Run
		says   string
	}{
		"a file beside": {func(t *testing.T, root string) { write(t, filepath.Join(root, name, "notes.txt"), "mine") }, pets, "holds notes.txt"},
		"a file below":  {func(t *testing.T, root string) { write(t, filepath.Join(root, name, "report", "mine.txt"), "mine") }, pets, "holds report/mine.txt"},
		"among the checkpoints": {func(t *testing.T, root string) {
			write(t, filepath.Join(root, ".checkpoints", name, "notes.txt"), "mine")
		}, pets, "holds notes.txt"},
		"another run":            {func(*testing.T, string) {}, contract.Run{Name: "pets", UID: "01234567-other"}, "UID"},
		"a folder of no run":     {func(t *testing.T, root string) { write(t, filepath.Join(root, name, contract.ManifestFile), "{}") }, pets, "no manifest of a run"},
		"a manifest that's gone": {func(_ *testing.T, root string) { os.Remove(filepath.Join(root, name, contract.ManifestFile)) }, pets, "can't be read"},
		"a copy": {func(t *testing.T, root string) {
			if err := os.Rename(filepath.Join(root, "cars-76543210"), filepath.Join(root, "x")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.RemoveAll(filepath.Join(root, name)), os.Rename(filepath.Join(root, "x"), filepath.Join(root, name))); err != nil {
				t.Fatal(err)
			}
		}, pets, "renamed or copied"},
	}
	places(t, func(t *testing.T, root string, open func() *Place) {
		for title, tc := range cases {
			t.Run(title, func(t *testing.T) {
				if err := os.RemoveAll(root); err != nil {
					t.Fatal(err)
				}
				publish(t, root, pets)
				publish(t, root, cars)
				tc.change(t, root)
				before := tree(t, root)
				err := open().Remove(t.Context(), name, tc.run)
				if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v, want one with %q", err, tc.says)
				}
				if diff := cmp.Diff(before, tree(t, root)); diff != "" {
					t.Errorf("something is gone (-before +after):\n%s", diff)
				}
			})
		}
	})
}

func TestNamesThatLeadElsewhere(t *testing.T) {
	root := t.TempDir()
	publish(t, root, pets)
	place, err := InFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", ".checkpoints", "../" + filepath.Base(root), "/etc", `a\b`, "pets-01234567/report"} {
		if err := place.Remove(t.Context(), name, contract.Run{}); !errors.Is(err, ErrName) {
			t.Errorf("%q: error %v, want ErrName", name, err)
		}
	}
}

// A link is left alone, and what it leads to.
func TestLinksAreLeftAlone(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	publish(t, elsewhere, pets)
	publish(t, root, cars)
	for link, target := range map[string]string{
		"pets-01234567":            filepath.Join(elsewhere, "pets-01234567"),
		"cars-76543210/model-link": filepath.Join(elsewhere, "pets-01234567", contract.ModelFile),
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	place, err := InFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	before, beyond := tree(t, root), tree(t, elsewhere)
	for _, name := range []string{"pets-01234567", "cars-76543210"} {
		if err := place.Remove(t.Context(), name, contract.Run{}); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: error %v, want ErrForeign", name, err)
		}
	}
	if diff := cmp.Diff([][]string{before, beyond}, [][]string{tree(t, root), tree(t, elsewhere)}); diff != "" {
		t.Errorf("something is gone (-before +after):\n%s", diff)
	}
}

// interrupted fails after some files.
type interrupted struct {
	store

	left int
}

func (i *interrupted) remove(ctx context.Context, folder string, names []string) error {
	if len(names) <= i.left {
		i.left -= len(names)
		return i.store.remove(ctx, folder, names)
	}
	err := errors.New("interrupted")
	for _, name := range names[:i.left] {
		err = errors.Join(err, i.store.remove(ctx, "none", []string{name}))
	}
	i.left = 0
	return err
}

// A removal that was interrupted anywhere can be begun again: the manifest is the last to go.
func TestRemovalThatWasInterrupted(t *testing.T) {
	for left := range 5 {
		root := t.TempDir()
		publish(t, root, pets)
		place := &Place{&interrupted{folder{root}, left}}
		if err := place.Remove(t.Context(), "pets-01234567", pets); err == nil {
			t.Fatalf("after %d files: not interrupted", left)
		}
		if err := (&Place{folder{root}}).Remove(t.Context(), "pets-01234567", pets); err != nil {
			t.Errorf("after %d files: %v", left, err)
		}
		if got := tree(t, root); !slices.Equal(got, []string{"."}) {
			t.Errorf("after %d files: left %v", left, got)
		}
	}
}
