// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// Environment of TestFetchChild.
const (
	childDir = "TRAINYARD_TEST_FETCH_DIR"
	childURL = "TRAINYARD_TEST_FETCH_URL"
)

const (
	killedFiles   = 2000
	killedSize    = 8 << 10
	killedWorkers = 16
)

// served is the content of the i-th file, and web the place that has them.
func served(i int) []byte {
	data := make([]byte, killedSize)
	random := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)})
	_, _ = random.Read(data)
	return data
}

type web struct{ url string }

func (w web) String() string { return w.url }

func (w web) Identity() string { return w.url }

func (w web) List(context.Context) ([]File, error) {
	files := make([]File, killedFiles)
	for i := range files {
		files[i] = File{Path: strconv.Itoa(i), Size: killedSize, Hash: Hash{Algorithm: MD5, Hex: fmt.Sprintf("%x", md5.Sum(served(i)))}}
	}
	return files, nil
}

func (w web) Open(ctx context.Context, f File) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/"+f.Path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return response.Body, nil
}

// TestFetchChild is a process of another test, which fetches all files and looks whether they are right.
func TestFetchChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("the child of other tests")
	}
	s, err := Open(t.Context(), dir, Options{Field: "dataset.cache", Workers: killedWorkers})
	if err != nil {
		t.Fatal(err)
	}
	remote := web{os.Getenv(childURL)}
	files, _ := remote.List(t.Context())
	paths, err := s.Fetch(t.Context(), remote, files)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		if data, err := os.ReadFile(path); err != nil || md5.Sum(data) != md5.Sum(served(i)) {
			t.Errorf("file %d is wrong: %v", i, err)
		}
	}
}

// child is a process that fetches the files of a server into a folder.
func child(ctx context.Context, dir, url string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFetchChild$")
	c.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+url)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c
}

// Two processes that fetch the same files into one folder at the same time both have them all, and leave nothing else.
func TestTwoProcesses(t *testing.T) {
	var (
		mu     sync.Mutex
		counts = map[string]int{} // of requests, by process
		both   = make(chan struct{})
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		process, name := path.Split(r.URL.Path)
		i, err := strconv.Atoi(name)
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		mu.Lock()
		if counts[process]++; len(counts) == 2 && counts[process] == 1 {
			close(both)
		}
		mu.Unlock()
		<-both // nobody has a file before both have found files missing
		_, _ = w.Write(served(i))
	}))
	defer server.Close()
	dir := t.TempDir()
	processes, ctx := errgroup.WithContext(t.Context())
	for _, name := range []string{"a", "b"} {
		processes.Go(child(ctx, dir, server.URL+"/"+name).Run)
	}
	if err := processes.Wait(); err != nil {
		t.Fatal(err)
	}
	if parts, err := os.ReadDir(filepath.Join(dir, partsDir)); len(parts) > 0 || err != nil {
		t.Errorf("parts are left: %v, %v", parts, err)
	}
	objects, err := open(t, dir, Options{}).objects()
	if len(objects) != killedFiles || err != nil {
		t.Errorf("%d files are kept, %v, want %d", len(objects), err, killedFiles)
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("served, by process: %v", counts)
}

// A fetch that is killed 20 times and then let run has every file right, and nothing was served twice but what was in
// flight when it was killed.
func TestKilledAtRandomMoments(t *testing.T) {
	const kills = 20
	var (
		mu     sync.Mutex
		counts = map[string]int{}
		total  int
		// next is told when the child has had that many files since it started.
		next    int
		reached chan struct{}
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		counts[r.URL.Path]++
		total++
		if next--; next == 0 {
			close(reached)
		}
		mu.Unlock()
		var i int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &i); err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		data := served(i)
		_, _ = w.Write(data[:killedSize/2])
		_ = http.NewResponseController(w).Flush() // a kill may come in the midst of a file
		time.Sleep(time.Millisecond)
		_, _ = w.Write(data[killedSize/2:])
	}))
	defer server.Close()
	dir := t.TempDir()
	for range kills {
		mu.Lock()
		next, reached = 1+rand.IntN(90), make(chan struct{})
		mu.Unlock()
		c := child(t.Context(), dir, server.URL)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		select {
		case <-reached:
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			_ = c.Process.Kill()
			if err := <-done; err == nil {
				t.Fatal("the child ended before it was killed")
			}
		case err := <-done:
			t.Fatalf("the child ended before it was killed: %v", err)
		}
	}
	mu.Lock()
	beforeLast := total
	mu.Unlock()
	if err := child(t.Context(), dir, server.URL).Run(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("served %d times for %d files, %d before the last run", total, killedFiles, beforeLast)
	if total > killedFiles+kills*killedWorkers {
		t.Errorf("served %d times: more than %d twice", total-killedFiles, kills*killedWorkers)
	}
	files, _ := web{server.URL}.List(t.Context())
	s := open(t, dir, Options{})
	before := total
	mu.Unlock()
	paths, err := s.Fetch(t.Context(), web{server.URL}, files)
	mu.Lock()
	if err != nil || total != before {
		t.Fatalf("the last run has left files out: %v", err)
	}
	for i, path := range paths {
		if data, err := os.ReadFile(path); err != nil || md5.Sum(data) != md5.Sum(served(i)) {
			t.Errorf("file %d is wrong: %v", i, err)
		}
	}
}
