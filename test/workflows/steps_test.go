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

const (
	tag          = "steps" // of the images of this checkout
	managerName  = "trainyard-manager"
	managerSpace = "trainyard-system"
)

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
	if place != nil && place.deployed() {
		t.Run("a deployment that fails is rolled back", place.testRollbacks)
	}
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
	registry, kubeconfig, kubectl, path string
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
	c := &cluster{registry: run("registry"), kubectl: filepath.Join(run("build"), "kubectl"), path: run("kubeconfig")}
	text, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	c.kubeconfig = string(text)
	return c
}

func (c *cluster) ask(args ...string) (string, error) {
	out, err := exec.Command(c.kubectl, append([]string{"--kubeconfig", c.path}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must is ask for what has to be.
func (c *cluster) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.ask(args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c *cluster) deployed() bool {
	_, err := c.ask("get", "deployment", managerName, "-n", managerSpace)
	return err == nil
}

// manager is the image that the manager runs, once as many are ready as are wanted.
func (c *cluster) manager(t *testing.T) string {
	t.Helper()
	c.must(t, "rollout", "status", "deployment/"+managerName, "-n", managerSpace, "--timeout=1m")
	return c.must(t, "get", "pods", "-n", managerSpace, "-o", "jsonpath={.items[*].spec.containers[*].image} {.items[*].status.phase}")
}

// pods are a namespace's, with what would change if they were others or had been restarted.
func (c *cluster) pods(t *testing.T, namespace string) string {
	t.Helper()
	return c.must(t, "get", "pods", "-n", namespace, "-l", "app.kubernetes.io/component=server", "-o",
		`jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount} {.status.phase}{"\n"}{end}`)
}

// testRollbacks deploys a version that doesn't start, and one that starts and can't train, and expects the version before, and a user's server that nobody touched.
func (c *cluster) testRollbacks(t *testing.T) {
	const namespace = "team"
	c.must(t, "create", "namespace", namespace)
	c.must(t, "apply", "-n", namespace, "-f", root+"/hack/deploy/internal/trial/objects.yaml")
	c.must(t, "wait", "-n", namespace, "modelserver/trial", "--for=condition=Ready", "--timeout=5m")
	manager, pods := c.manager(t), c.pods(t, namespace)
	if pods == "" {
		t.Fatal("the user's server has no pods")
	}
	broken := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(broken, []byte("images: {runner: {digest: sha256:"+strings.Repeat("0", 64)+"}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"REGISTRY": c.registry, "KUBECONFIG_DATA": c.kubeconfig, "TAG": tag}
	for name, tc := range map[string]struct {
		change map[string]string
		says   string
	}{
		"the manager doesn't start": {map[string]string{"TAG": "missing", "TIMEOUT": "60s"}, "helm upgrade"},
		"no model can be trained":   {map[string]string{"VALUES": broken, "TIMEOUT": "90s"}, "TrainingRun"},
	} {
		t.Run(name, func(t *testing.T) {
			summary := filepath.Join(t.TempDir(), "summary.md")
			changed := maps.Clone(env)
			maps.Copy(changed, tc.change)
			changed["GITHUB_STEP_SUMMARY"] = summary
			out, err := runMake(t, "deploy-checked", changed)
			if err == nil {
				t.Fatal("the deployment passes")
			}
			if !strings.Contains(out, "deploy: rolled back to revision ") || !strings.Contains(out, tc.says) {
				t.Errorf("it says\n%s", tail(out))
			}
			if text, err := os.ReadFile(summary); err != nil || !bytes.Contains(text, []byte("Not deployed")) {
				t.Errorf("the summary is %q: %v", text, err)
			}
			if now := c.manager(t); now != manager {
				t.Errorf("the manager is %s, and was %s", now, manager)
			}
			if now := c.pods(t, namespace); now != pods {
				t.Errorf("the user's pods are\n%s\nand were\n%s", now, pods)
			}
		})
	}
	if out, err := runMake(t, "deploy-checked", map[string]string{"REGISTRY": c.registry, "KUBECONFIG_DATA": c.kubeconfig, "TAG": "main"}); err != nil {
		t.Errorf("a good version after that: %v\n%s", err, tail(out))
	}
	if now := c.manager(t); !strings.Contains(now, ":main ") {
		t.Errorf("the manager is %s, want the tag main", now)
	}
	if now := c.pods(t, namespace); now != pods {
		t.Errorf("the user's pods are\n%s\nand were\n%s", now, pods)
	}
}
