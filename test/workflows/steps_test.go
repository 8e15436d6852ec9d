// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build steps

package workflows

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere are targets that need a service that not every machine has, with what that is and a test of whether it is here.
var elsewhere = map[string]struct {
	needs string
	here  func() bool
}{
	"vulnerabilities": {"the database of vulnerabilities at vuln.go.dev, or another one in VULNDB", func() bool { return os.Getenv("VULNDB") != "" }},
	"compose-up":      {"Docker", hasDocker},
	"smoke":           {"Docker, for it asks the server of compose-up", hasDocker},
	"compose-down":    {"Docker", hasDocker},
}

func hasDocker() bool {
	_, err := exec.LookPath("docker")
	return err == nil
}

// tag is that of the images of this checkout.
const tag = "steps"

// expressions are what the forge would put into a step's environment.
func expressions() map[string]string {
	return map[string]string{
		"github.repository_owner":     "trainyard-dev",
		"steps.names.outputs.version": tag,
		"needs.images.outputs.tags":   "main",
		"secrets.KUBECONFIG":          "",
		"vars.CD_VALUES":              "",
		"inputs.tag || format('sha-{0}', github.event.workflow_run.head_sha)": tag,
	}
}

// TestSteps runs each step of ci.yml, then each of cd.yml, in their order, in this checkout. Images go to the registry of a local cluster, which is deployed to.
// SKIP lists targets that have passed in this checkout before.
func TestSteps(t *testing.T) {
	known := expressions()
	var place *cluster
	ran, skipped := 0, 0
	for _, file := range []string{"ci.yml", "cd.yml"} {
		w := load(t, file)
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if s.Run == "" {
					continue
				}
				target := strings.TrimPrefix(s.Run, "make ")
				plain := strings.TrimPrefix(target, "sudo-")
				if other, ok := elsewhere[plain]; ok && !other.here() {
					t.Logf("NOT RUN: %s: make %s needs %s", file, target, other.needs)
					skipped++
					continue
				}
				if slices.Contains(strings.Fields(os.Getenv("SKIP")), plain) {
					t.Logf("SKIPPED: %s: make %s", file, target)
					skipped++
					continue
				}
				env := resolve(t, known, w.Env, j.Env, s.Env)
				if plain == "images" || plain == "push-images" || plain == "deploy-checked" {
					if place == nil {
						place = startCluster(t)
					}
					env["REGISTRY"] = place.registry
				}
				if plain == "deploy-checked" {
					env["KUBECONFIG_DATA"] = place.kubeconfig
				}
				began := time.Now()
				if out, err := runMake(t, target, env); err != nil {
					t.Fatalf("%s: job %s: make %s: %v\n%s", file, j.name, target, err, tail(out))
				}
				t.Logf("passed: %s: job %s: make %s (%.0f s)", file, j.name, target, time.Since(began).Seconds())
				ran++
			}
		}
	}
	t.Logf("%d steps run, %d not", ran, skipped)
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// resolve merges environments, the later ones first, and puts in what the forge would.
func resolve(t *testing.T, known map[string]string, envs ...map[string]string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, env := range envs {
		maps.Copy(all, env)
	}
	for name, value := range all {
		all[name] = expression.ReplaceAllStringFunc(value, func(match string) string {
			text, ok := known[expression.FindStringSubmatch(match)[1]]
			if !ok {
				t.Fatalf("%s is %s: say in expressions what that is", name, match)
			}
			return text
		})
	}
	return all
}

// runMake runs a target as a step does, and shows what it prints.
func runMake(t *testing.T, target string, env map[string]string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "make", target)
	command.Dir = root
	command.Env = os.Environ()
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	var out bytes.Buffer
	both := io.MultiWriter(&out, os.Stderr)
	command.Stdout, command.Stderr = both, both
	fmt.Fprintf(os.Stderr, "==> make %s\n", target)
	err := command.Run()
	return out.String(), err
}

// tail are the last lines of an output.
func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// cluster is a local one, with its registry.
type cluster struct {
	registry, kubeconfig string
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	program := filepath.Join(root, "bin/cluster")
	run := func(args ...string) string {
		t.Helper()
		command := exec.Command(program, args...)
		command.Stderr = os.Stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("cluster %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	if exec.Command(program, "status").Run() == nil {
		t.Fatal("a local cluster runs, and its operator would be replaced: make cluster-down")
	}
	t.Cleanup(func() { _ = exec.Command(program, "down").Run() })
	run("up")
	text, err := os.ReadFile(run("kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{registry: run("registry"), kubeconfig: string(text)}
}
