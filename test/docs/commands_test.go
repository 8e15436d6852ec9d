// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/internal/plugin/command"
)

// runs says which test runs a command of the pages: file has needle, in which $1 is what the pattern's parentheses met.
type runs struct {
	pattern, file, needle string
}

const (
	story     = "test/story/story_test.go"
	pluginE2E = "test/e2e/plugin_test.go"
	protocols = "test/peers/protocols/run.sh"
)

// tested lists the commands that tests run, with these arguments or with others of their kind.
var tested = []runs{
	{`^git clone https://github.com/trainyard-dev/trainyard && cd trainyard$`, story, "git clone https://github.com/trainyard-dev/trainyard && cd trainyard"},
	{`^(git tag v1.2.3 && git push origin v1.2.3)$`, story, "$1"},
	{`^make demo`, story, `"make demo`},
	{`^make (data|train|evaluate|smoke|serve)\b`, "docs/quickstart.md", "make $1\n"}, // which test/story runs word for word
	{`^make demo-down`, "docs/quickstart.md", "make demo-down\n"},
	{`^curl -sS --data-binary`, story, `"curl"`},
	{`^export (?:KUBECONFIG|PATH)=`, "docs/quickstart.md", "export KUBECONFIG=$(bin/cluster kubeconfig)\n"},
	{`^kubectl (get|describe|explain) .*(?:-n trainyard-demo|spec\.training)`, "docs/quickstart.md", "kubectl $1"},
	{`^kubectl get (?:trainingruns|modelservers)$`, "docs/quickstart.md", "kubectl get trainingruns,modelservers"},
	{`^make (build-kubectl-trainyard)`, "docs/quickstart.md", "make $1\n"},
	{`^(?:bin/kubectl-trainyard|kubectl trainyard) (status|dashboard|promote|reject|pause|resume|retry|rollback|suspend|logs|predict|report|doctor)\b`, pluginE2E, `"$1"`},
	{`^kubectl trainyard (init)\b`, "test/integration/plugin_test.go", `"$1"`},
	{`^kubectl trainyard (version)$`, story, `kubectl-trainyard $1"`},
	{`^sudo (make install-kubectl-trainyard PREFIX=)`, story, `"$1`},
	{`^make smoke URL=`, "test/compose", "smoke"},
	{`^kubectl patch configmap argocd-cm`, "test/e2e/argocd_components_test.go", `"configmap", "argocd-cm"`},
	{`^helm install`, "test/e2e/install_test.go", "helmRun(ctx,"},
	{`^kubectl apply --server-side -f dist/install.yaml`, "hack/lib.sh", "apply --server-side --force-conflicts -f dist/install.yaml"},
	{`^kubectl apply --server-side -k`, "test/e2e/install_test.go", `"apply", "--server-side", "-k"`},
	{`^make build-installer`, "hack/lib.sh", "go run ./hack/installer --registry="},
	{`^make images`, "hack/lib.sh", "bin/images build"},
	{`^bin/images push`, "hack/images/internal", `Push(`},
	{`^dvc (init|remote add|add|push)`, "test/peers/dvc/repository.sh", `"$$dvc" $1`},
	{`^kubectl apply -f pets`, "hack/demo/cluster.go", `"apply", "-f"`},
	{`^kubectl apply -k config/samples`, "test/integration/samples_test.go", "config/samples"},
	{`^(?:MLFLOW_TRACKING_URI=\S+ )?(?:bin/)?runner (train|prune|mlflow)\b`, "runner/internal", `"$1"`},
	{`^make (build-(?:runner|server))`, "Makefile", ": $1"},                          // make train and make smoke, which test/story runs, need them
	{`^make release`, "hack/release/internal", "TestTheSameCommitGivesTheSameBytes"}, // with a small repository
	{`^make (deploy-checked)`, "test/e2e/deploy_test.go", `"$1"`},
	{`^bin/server (serve|smoke)\b`, "server/command", `"$1"`},
	{`^curl .*localhost:8080/(predict|feedback)`, "server/internal/httpapi", `/$1"`},
	{`^curl 'localhost:8080/(logs)`, "server/internal/httpapi", `/$1?`},
	{`^curl localhost:8080/v2/models`, "server/internal/httpapi", `/v2/models/`},
	{`^grpcurl`, protocols, "grpcurl"},
	{`^python -c 'import (torch|keras)`, "test/peers/exports", "$1"},
	{`^kubectl patch service pets .*ipFamilyPolicy`, "test/integration/modelserver_test.go", "IPFamilyPolicyPreferDualStack"},
	{`^kubectl (wait) trainingrun/`, pluginE2E, `"$1", "trainingrun/`},
}

// untested are the commands that no test runs, and why.
var untested = []struct{ pattern, why string }{
	{`docker`, "needs a Docker engine; what the services do with one another is tested without"},
	{`openshift`, "needs OpenShift"},
	{`^make deploy `, "needs a registry that a cluster pulls from; tests install what it applies"},
}

var (
	fence      = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```")
	remark     = regexp.MustCompile(`\s+# .*`)
	pluginCall = regexp.MustCompile(`^(?:kubectl trainyard|bin/kubectl-trainyard) `)
	usage      = regexp.MustCompile(`\[|(^|\s)(NAME|KIND/NAME)\b`)
)

// commandsOf returns the shell commands of a page's blocks: lines after a prompt, or all lines of a block of sh.
func commandsOf(source string) []string {
	var commands []string
	for _, block := range fence.FindAllStringSubmatch(source, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[2], "\\\n", " ")) {
			line = strings.TrimSpace(line)
			command, prompted := strings.CutPrefix(line, "$ ")
			if !prompted && (block[1] != "sh" || strings.HasPrefix(line, "#")) {
				continue
			}
			if command = remark.ReplaceAllString(command, ""); command != "" && !usage.MatchString(command) {
				commands = append(commands, command)
			}
		}
	}
	return commands
}

// sourcesAt returns the content of a file, or of the tests and scripts of a folder.
func sourcesAt(t *testing.T, path string) string {
	t.Helper()
	if info, err := os.Stat(filepath.Join(root, path)); err != nil || !info.IsDir() {
		return read(t, path)
	}
	var paths []string
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*.sh"} {
		found, err := filepath.Glob(filepath.Join(root, path, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			paths = append(paths, strings.TrimPrefix(filepath.Clean(file), root+"/"))
		}
	}
	return read(t, paths...)
}

// runBy reports whether a test runs a command, and complains if the test that should doesn't.
func runBy(t *testing.T, command string) bool {
	t.Helper()
	for _, r := range tested {
		pattern := regexp.MustCompile(r.pattern)
		match := pattern.FindStringSubmatchIndex(command)
		if match == nil {
			continue
		}
		needle := string(pattern.ExpandString(nil, r.needle, command, match))
		if !strings.Contains(sourcesAt(t, r.file), needle) {
			t.Errorf("%s should be run by %s, which has no %q", command, r.file, needle)
		}
		return true
	}
	return false
}

// A page's command is one that a test runs, 19 of 20 at least, and none is unknown.
func TestCommandsAreRun(t *testing.T) {
	all, run := 0, 0
	for _, path := range slices.Sorted(maps.Keys(documents(t))) {
		page := strings.TrimPrefix(path, root+"/")
		if strings.HasPrefix(page, "docs/decisions/") {
			continue // history
		}
		for _, command := range commandsOf(read(t, page)) {
			all++
			if runBy(t, command) {
				run++
				continue
			}
			i := slices.IndexFunc(untested, func(u struct{ pattern, why string }) bool {
				return regexp.MustCompile(u.pattern).MatchString(command)
			})
			if i < 0 {
				t.Errorf("%s: no test is known to run %q: name one in tested, or say in untested why there is none", page, command)
				continue
			}
			t.Logf("%s: not run: %s: it %s", page, command, untested[i].why)
		}
	}
	t.Logf("%d of %d commands are run by tests", run, all)
	if 20*run < 19*all {
		t.Errorf("%d of %d commands are run by tests, want 95 %%", run, all)
	}
}

// The plugin takes each command of its pages; make has each target.
func TestCommandsAreValid(t *testing.T) {
	makefile, checked := read(t, "Makefile"), 0
	for path := range documents(t) {
		page := strings.TrimPrefix(path, root+"/")
		if strings.HasPrefix(page, "docs/decisions/") {
			continue
		}
		for _, line := range commandsOf(read(t, page)) {
			words := strings.Fields(line)
			switch {
			case pluginCall.MatchString(line):
				checked++
				plugin, _ := command.New(genericiooptions.NewTestIOStreamsDiscard())
				verb, args, err := plugin.Find(strings.Fields(pluginCall.ReplaceAllString(line, "")))
				if err == nil {
					err = verb.ParseFlags(args)
				}
				if err == nil {
					err = verb.ValidateArgs(verb.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: %s: %v", page, line, err)
				}
			case words[0] == "make":
				checked++
				for _, word := range words[1:] {
					if !strings.Contains(word, "=") && !strings.Contains(word, "<") && !regexp.MustCompile(`(?m)^[^#\n]*\b`+regexp.QuoteMeta(word)+`\b[^\n=]*:`).MatchString(makefile) {
						t.Errorf("%s: %s: there is no target %s", page, line, word)
					}
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d commands were found", checked)
	}
}
