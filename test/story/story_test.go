// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package story runs what people are told to run first: the demo without a cluster, and the blocks of docs/quickstart.md, word
// for word, in a copy of the checkout.
package story

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// Sections of the quick start whose blocks are run.
const (
	withoutCluster = "Without a cluster"
	withCluster    = "With a cluster"
)

// lasting is the command that goes on until somebody ends it.
const lasting = "make serve"

func TestQuickStartWithoutACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("make test-story runs it")
	}
	s := newShell(t)
	for _, block := range blocks(t, withoutCluster) {
		if block == lasting {
			s.start(block, "http://127.0.0.1:8080/v2/health/ready")
			continue
		}
		out := s.run(block)
		switch {
		case strings.HasPrefix(block, "make demo"):
			checkLastLines(t, out, "run")
		case strings.HasPrefix(block, "curl"):
			if !strings.Contains(out, `"class":"cat"`) {
				t.Errorf("%s\nanswers %s, want the class of a cat", block, out)
			}
		}
	}
}

func TestQuickStartWithACluster(t *testing.T) {
	if os.Getenv("CLUSTER") != "local" {
		t.Skip("CLUSTER=local make test-story runs it, as root")
	}
	s := newShell(t)
	for _, block := range blocks(t, withCluster) {
		out := s.run(block)
		if strings.HasPrefix(block, "make demo ") {
			checkLastLines(t, out, "TrainingRun")
		}
	}
}

// A machine without root is told so in one line, and the same story.
func TestNoClusterIsSaid(t *testing.T) {
	s := newShell(t)
	// Nobody is root in this PATH, and no story is told.
	fake := t.TempDir()
	for name, script := range map[string]string{"id": "echo 1000", "go": "exit 0"} {
		if err := os.WriteFile(filepath.Join(fake, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(s.env, "PATH="+fake+":"+os.Getenv("PATH"))
	s.write("bin/story", "#!/bin/sh\necho the story with \"$@\"\n")
	out := s.run("hack/demo.sh")
	if want := "No cluster on this machine: it needs root. The same story without one follows"; !strings.HasPrefix(out, want) {
		t.Errorf("said %q, want %q first", out, want)
	}
	if !strings.HasSuffix(strings.TrimSpace(out), "the story with") {
		t.Errorf("said %q, want the story last", out)
	}
	s.env = append(s.env, "DATA=/my pictures", "MINUTES=5", "CLUSTER=none")
	if out := s.run("hack/demo.sh"); !strings.Contains(out, "the story with --data=/my pictures --limit=5m\n") || strings.Contains(out, "No cluster") {
		t.Errorf("said %q, want a story of the folder alone", out)
	}
}

// What people do on one machine is listed first, in the order in which they do it, and what needs a cluster says so without one.
func TestTargets(t *testing.T) {
	s := newShell(t)
	first, _, _ := strings.Cut(s.run("make help"), "\nBuild\n")
	for _, target := range []string{"help", "demo", "setup", "data", "train", "evaluate", "smoke", "serve"} {
		_, after, found := strings.Cut(first, "\n  "+target+" ")
		if !found {
			t.Fatalf("make help has no %s there, before what is built:\n%s", target, first)
		}
		first = after
	}
	s.write("empty/kubectl", "#!/bin/sh\nexit 1\n")
	s.env = append(s.env, "PATH="+filepath.Join(s.dir, "empty")+":"+os.Getenv("PATH"))
	if out := s.run("! make deploy 2>&1"); !strings.Contains(out, "error: kubectl has no cluster here. make cluster-up starts one (root), and export KUBECONFIG=$(bin/cluster kubeconfig)") {
		t.Errorf("make deploy without a cluster says %q", out)
	}
	if out := s.run("! make serve 2>&1"); !strings.Contains(out, "error: there is no model in models/: make train") {
		t.Errorf("make serve without a model says %q", out)
	}
}

// The README's first command, and the one that asks for a release, with a copy of this checkout at the address.
func TestClone(t *testing.T) {
	s := newShell(t)
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no clone")
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=url."+s.dir+"/forge.insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/trainyard-dev/trainyard",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*")
	s.run("git clone --quiet --bare " + here + " forge")
	if out := s.run("git clone https://github.com/trainyard-dev/trainyard && cd trainyard && make help"); !strings.Contains(out, "\n  demo ") {
		t.Errorf("the clone's make help says\n%s", out)
	}
	s.run("cd trainyard && git tag v1.2.3 && git push origin v1.2.3")
	if out := s.run("git -C forge tag --list v1.2.3"); out != "v1.2.3\n" {
		t.Errorf("the forge has the tag %q, want v1.2.3", out)
	}
}

// The plugin and its completion are where kubectl looks for them.
func TestPluginIsInstalled(t *testing.T) {
	s := newShell(t)
	s.run("make install-kubectl-trainyard PREFIX=" + s.dir + "/usr VERSION=v9.8.7")
	if out := s.run("usr/bin/kubectl-trainyard version"); out != "v9.8.7\n" {
		t.Errorf("the version is %q, want v9.8.7", out)
	}
	s.write("usr/bin/kubectl", "#!/bin/sh\n[ \"$1\" = trainyard ] && shift && exec kubectl-trainyard \"$@\"\n") // which finds plugins as kubectl does
	if out := s.run(`PATH="$PWD/usr/bin:$PATH" kubectl_complete-trainyard prom`); !strings.HasPrefix(out, "promote\t") {
		t.Errorf("prom is completed to %q, want promote", out)
	}
}

// blocks are the shell blocks of a section of the quick start.
func blocks(t *testing.T, section string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "quickstart.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/quickstart.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var all []string
	for _, match := range regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Fatalf("section %q of docs/quickstart.md has no block to run", section)
	}
	return all
}

// checkLastLines holds a demo to its last lines.
func checkLastLines(t *testing.T, out, runs string) {
	t.Helper()
	want := regexp.MustCompile(`(?m)^accuracy  0\.\d{4} \(at least 0\.90\)
live      cats-vs-dogs-[0-9a-f]{8} \(model of ` + runs + ` cats-vs-dogs\)
rejected  \S+-[0-9a-f]{8} \(model of ` + runs + ` mislabeled\): SmokeFailed: quality failed: .* of \d+ samples of the live model right, at least .*
requests  [1-9]\d* sent while the bad model was rolled out \(\d+ on fresh, \d+ on pooled connections\), 0 failed$`)
	if !want.MatchString(out) {
		t.Errorf("the demo ends with\n%s", tail(out))
	}
}

func tail(text string) string { return text[max(0, len(text)-3000):] }

// shell runs commands in a copy of the checkout, as a fresh clone has it.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir(), env: append(os.Environ(), "GIT_CEILING_DIRECTORIES=/")}
	archive := exec.Command("bash", "-o", "pipefail", "-c",
		`git ls-files --cached --others --exclude-standard -z | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done | tar --null -T - -c | tar -x -C "$0"`, s.dir)
	archive.Dir = root
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("copy the checkout: %v\n%s", err, out)
	}
	return s
}

func (s *shell) write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil { //nolint:gosec // it is run
		s.t.Fatal(err)
	}
}

func (s *shell) command(ctx context.Context, block string) *exec.Cmd {
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", block)
	command.Dir, command.Env = s.dir, s.env
	return command
}

// run runs a block and returns what it says.
func (s *shell) run(block string) string {
	s.t.Helper()
	start := time.Now()
	var out bytes.Buffer
	command := s.command(s.t.Context(), block)
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		s.t.Fatalf("%s\n%v\n%s", block, err, tail(out.String()))
	}
	s.t.Logf("%.0f s: %s", time.Since(start).Seconds(), block)
	return out.String()
}

// start starts what goes on until the test ends, and waits until it answers at url.
func (s *shell) start(block, url string) {
	s.t.Helper()
	command := s.command(context.WithoutCancel(s.t.Context()), block)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // make, and what it has started
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	var failure error // once it has ended
	go func() {
		failure = command.Wait()
		close(ended)
	}()
	s.t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGINT)
		<-ended
	})
	for {
		if response, err := http.Get(url); err == nil { //nolint:gosec // the test's own
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			s.t.Fatalf("%s has ended: %v\n%s", block, failure, out.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
