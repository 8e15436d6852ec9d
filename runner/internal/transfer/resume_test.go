// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// largeContent doesn't fit into the buffers between a server and who fetches from it.
var largeContent = strings.Repeat(modelContent, 1<<16)

// host serves largeContent and keeps which parts it was asked for.
type host struct {
	whole bool // whatever part is asked for

	mu    sync.Mutex
	stuck bool // after half of it
	asked []string
}

func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked = append(h.asked, r.Header.Get("Range"))
	stuck := h.stuck
	h.mu.Unlock()
	switch {
	case stuck:
		_, _ = w.Write([]byte(largeContent[:len(largeContent)/2]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case h.whole:
		_, _ = w.Write([]byte(largeContent))
	default:
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(largeContent))
	}
}

// expectLarge asserts that a folder holds largeContent and nothing else.
func expectLarge(t *testing.T, dir string) {
	t.Helper()
	expectOnly(t, dir, "model.onnx")
	if got, err := os.ReadFile(filepath.Join(dir, "model.onnx")); err != nil || string(got) != largeContent {
		t.Errorf("%d bytes, %v, which aren't the file", len(got), err)
	}
}

const pullEnv = "TRANSFER_TEST_PULL"

// The other process of the next test.
func TestPullThatIsKilled(t *testing.T) {
	var file contract.PullConfig
	if json.Unmarshal([]byte(os.Getenv(pullEnv)), &file) != nil {
		t.Skip("for the test below")
	}
	_, _ = newTestClient(t).Pull(t.Context(), file)
	t.Error("nobody has killed it")
}

func TestPullGoesOnAfterAKill(t *testing.T) {
	h := &host{stuck: true}
	address, ca := webServer(t, h.serve)
	dir := t.TempDir()
	file := contract.PullConfig{URI: address + "/model", Path: filepath.Join(dir, "model.onnx"), SHA256: digestOf(largeContent), Access: contract.Access{CABundle: ca}}
	encoded, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestPullThatIsKilled$")
	child.Env = append(os.Environ(), pullEnv+"="+string(encoded))
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	half := int64(len(largeContent) / 2)
	for partial := file.Path; ; time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(dir, ".model.onnx.partial-*")); len(found) == 1 {
			partial = found[0]
		}
		if info, err := os.Stat(partial); err == nil && info.Size() == half {
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()

	h.mu.Lock()
	h.stuck = false
	h.mu.Unlock()
	if _, err := newTestClient(t).Pull(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	expectLarge(t, dir)
	if diff := cmp.Diff([]string{"", fmt.Sprintf("bytes=%d-", half)}, h.asked); diff != "" {
		t.Errorf("parts (-want +asked for):\n%s", diff)
	}
}

// Whatever lies where the beginning of a file should, the whole file is there in the end.
func TestPullOfWhatHasBegun(t *testing.T) {
	for name, tc := range map[string]struct {
		begun string
		whole bool // is what the server sends
		asked []string
	}{
		"nothing":                     {asked: []string{""}},
		"a beginning":                 {begun: largeContent[:1000], asked: []string{"bytes=1000-"}},
		"a server that has no parts":  {begun: largeContent[:1000], whole: true, asked: []string{"bytes=1000-"}},
		"all of it":                   {begun: largeContent},
		"another file's":              {begun: strings.Repeat("x", 1000), asked: []string{"bytes=1000-", ""}},
		"another file that is longer": {begun: largeContent + "x", asked: []string{fmt.Sprintf("bytes=%d-", len(largeContent)+1), ""}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host{whole: tc.whole}
			address, ca := webServer(t, h.serve)
			dir := t.TempDir()
			file := contract.PullConfig{URI: address + "/model", Path: filepath.Join(dir, "model.onnx"), SHA256: digestOf(largeContent), Access: contract.Access{CABundle: ca}}
			writeFile(t, dir, ".model.onnx.partial-"+file.SHA256, tc.begun)
			if _, err := newTestClient(t).Pull(t.Context(), file); err != nil {
				t.Fatal(err)
			}
			expectLarge(t, dir)
			if diff := cmp.Diff(tc.asked, h.asked); diff != "" {
				t.Errorf("parts (-want +asked for):\n%s", diff)
			}
		})
	}
}

func TestPullGoesOnFromABucket(t *testing.T) {
	server := peers.StartS3(t, "models")
	dir := t.TempDir()
	writeFile(t, filepath.Join(server.Dir, "models"), "pets.onnx", largeContent)
	var parts []string
	seen := server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			parts = append(parts, r.Header.Get("Range"))
			next.ServeHTTP(w, r)
		})
	})
	file := contract.PullConfig{
		URI: seen.URI("models/pets.onnx"), Path: filepath.Join(dir, "model.onnx"), SHA256: digestOf(largeContent),
		Access: contract.Access{Credentials: server.Credentials},
	}
	writeFile(t, dir, ".model.onnx.partial-"+file.SHA256, largeContent[:1000])
	if _, err := newTestClient(t).Pull(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	expectLarge(t, dir)
	if diff := cmp.Diff([]string{"bytes=1000-"}, parts); diff != "" {
		t.Errorf("parts (-want +asked for):\n%s", diff)
	}
}

// A file that another pull holds is left to it.
func TestTwoPullsOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	first, err := createPartial(path, digestOf(largeContent))
	if err != nil {
		t.Fatal(err)
	}
	defer first.discard()
	second, err := createPartial(path, digestOf(largeContent))
	if err != nil {
		t.Fatal(err)
	}
	defer second.discard()
	if first.file.Name() == second.file.Name() {
		t.Fatal("both write to one file")
	}
	for _, p := range []*partial{first, second} {
		if err := p.fill(bytes.NewReader([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		if err := p.publish(path); err != nil {
			t.Error(err)
		}
	}
}
