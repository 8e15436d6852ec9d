// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const config = "../../config/monitoring"

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rules(t *testing.T) []Rule {
	t.Helper()
	all, err := Rules(config)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d rules", len(all))
	}
	return all
}

// unitTests are the rules' unit tests, in the form that promtool reads.
var unitTests = []string{"rules_test.yaml", "candidates_test.yaml"}

// TestRules has promtool check the rules and run their unit tests.
func TestRules(t *testing.T) {
	promtool := os.Getenv("PROMTOOL")
	if promtool == "" {
		t.Skip("PROMTOOL is not set: make test-monitoring builds it")
	}
	folder := t.TempDir()
	spec, err := RuleFile(config)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"rules.yaml": spec}
	for _, name := range unitTests {
		files[name] = read(t, name)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"check", "rules", "rules.yaml"}, append([]string{"test", "rules"}, unitTests...)} {
		command := exec.CommandContext(t.Context(), promtool, arguments...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		t.Logf("promtool %s:\n%s", strings.Join(arguments, " "), out)
		if err != nil {
			t.Errorf("promtool %s: %v", strings.Join(arguments, " "), err)
		}
	}
}

// Each alert says how bad it is and what to do, is in the runbook, and is tested both ways.
func TestAlerts(t *testing.T) {
	runbook := string(read(t, "../../docs/monitoring.md"))
	var unit strings.Builder
	for _, name := range unitTests {
		unit.Write(read(t, name))
	}
	tests := unit.String()
	var alerts []string
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		alerts = append(alerts, r.Alert)
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
		}
		for _, annotation := range []string{"summary", "description"} {
			if r.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", r.Alert, annotation)
			}
		}
		if !strings.Contains(runbook, "\n### "+r.Alert+"\n\n*"+strings.ToUpper(r.Labels["severity"][:1])+r.Labels["severity"][1:]) {
			t.Errorf("docs/monitoring.md doesn't describe %s with its severity", r.Alert)
		}
		if !regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:\n`).MatchString(tests) {
			t.Errorf("no unit test has %s fire", r.Alert)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (Trainyard\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !slices.Contains(alerts, heading[1]) {
			t.Errorf("docs/monitoring.md describes %s, which is no alert", heading[1])
		}
	}
}

func dashboards(t *testing.T) []Dashboard {
	t.Helper()
	all, err := Dashboards(config)
	if err != nil || len(all) == 0 {
		t.Fatalf("found %d dashboards: %v", len(all), err)
	}
	listed := string(read(t, config+"/kustomization.yaml"))
	for _, d := range all {
		if !strings.Contains(listed, "- dashboards/"+d.UID+".json\n") {
			t.Errorf("dashboard %s isn't in kustomization.yaml under its uid", d.UID)
		}
	}
	return all
}

// names finds the names of metrics in an expression: what is followed by neither a parenthesis nor a word of PromQL.
var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	grouping  = regexp.MustCompile(`\b(by|on|ignoring|group_left|group_right|without) *\([^)]*\)`)
	matchers  = regexp.MustCompile(`\{[^}]*\}`)
	ranges    = regexp.MustCompile(`\[[^\]]*\]`)
	names     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	operators = []string{"and", "or", "unless", "group_left", "group_right", "bool", "offset", "by", "on"}
)

func metricsOf(expr string) []string {
	for _, part := range []*regexp.Regexp{quoted, matchers, grouping, ranges} {
		expr = part.ReplaceAllString(expr, " ")
	}
	var found []string
	for _, name := range names.FindAllString(expr, -1) {
		if name = strings.TrimSpace(name); !strings.HasSuffix(name, "(") && !slices.Contains(operators, name) {
			found = append(found, name)
		}
	}
	return found
}

// others are metrics that Prometheus, Go and controller-runtime export.
var others = []string{
	"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "leader_election_master_status", "workqueue_depth",
	"controller_runtime_reconcile_total", "controller_runtime_reconcile_errors_total", "controller_runtime_reconcile_time_seconds",
}

// A rule or a panel on a metric that nobody exports would be silent for ever.
func TestExpressionsAskForWhatIsExported(t *testing.T) {
	exported := slices.Clone(others)
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_]+)").FindAllStringSubmatch(string(read(t, "../../docs/reference/metrics.md")), -1) {
		exported = append(exported, match[1])
	}
	expressions := map[string]string{}
	for _, r := range rules(t) {
		expressions[r.Alert+r.Record] = r.Expr
		if r.Record != "" {
			exported = append(exported, r.Record)
		}
	}
	for _, d := range dashboards(t) {
		ids := map[int]bool{}
		for _, panel := range d.Panels {
			if ids[panel.ID] || len(panel.Targets) == 0 {
				t.Errorf("%s: panel %q has no expression, or an id that is taken", d.Title, panel.Title)
			}
			ids[panel.ID] = true
			for _, target := range panel.Targets {
				expressions[d.Title+": "+panel.Title+": "+target.Expr] = target.Expr
			}
		}
	}
	asked := 0
	for where, expr := range expressions {
		for _, name := range metricsOf(expr) {
			asked++
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if !slices.Contains(exported, name) && !slices.Contains(exported, base) {
				t.Errorf("%s asks for %s, which nothing exports", where, name)
			}
		}
	}
	t.Logf("%d expressions ask %d times for a metric", len(expressions), asked)
	if asked < len(expressions) {
		t.Errorf("found %d names of metrics in %d expressions", asked, len(expressions))
	}
}
