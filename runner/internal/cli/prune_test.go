// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/artifact/prune"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// published is an output with the empty artifact of a run, and the artifact's folder.
func published(t *testing.T, run contract.Run) (output, folder string) {
	t.Helper()
	output = filepath.Join(t.TempDir(), "models")
	staging, err := artifact.Stage(output, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := staging.Publish(contract.TrainResult{Version: contract.Version, Outcome: contract.OutcomeSucceeded}); err != nil {
		t.Fatal(err)
	}
	return output, staging.Dir()
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	return err == nil
}

func TestPrune(t *testing.T) {
	output, folder := published(t, contract.Run{Name: "pets", Namespace: "zoo", UID: "01234567-89ab"})
	for _, args := range [][]string{{"prune", output}, {"prune", output, "pets-01234567"}} {
		code, stdout, stderr := runner(args...)
		if code != contract.ExitOK || !strings.Contains(stdout, "pets-01234567  zoo/pets") || !exists(t, folder) {
			t.Fatalf("%v exits %d\n%s%s", args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := runner("prune", output, "pets-01234567", "--yes", "--json")
	var document prune.Document
	if err := json.Unmarshal([]byte(stdout), &document); code != contract.ExitOK || err != nil {
		t.Fatalf("exits %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if !document.Removed || len(document.Runs) != 1 || document.Runs[0].Run.UID != "01234567-89ab" || exists(t, folder) {
		t.Errorf("removed %+v, the folder is there: %t", document, exists(t, folder))
	}
	if code, stdout, _ := runner("prune", output, "--json"); code != contract.ExitOK || !strings.Contains(stdout, `"runs": []`) {
		t.Errorf("afterwards: exits %d\n%s", code, stdout)
	}
}

func TestPruneRefuses(t *testing.T) {
	output, folder := published(t, contract.Run{Name: "pets", UID: "01234567-89ab"})
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		args []string
		code int
		says string
	}{
		"no place":           {nil, contract.ExitConfig, "name the folder"},
		"a place not there":  {[]string{output + "-2"}, contract.ExitConfig, "no such file"},
		"all":                {[]string{output, "--yes"}, contract.ExitConfig, "--yes removes what is named"},
		"an unknown name":    {[]string{output, "cars-1", "--yes"}, contract.ExitConfig, `nothing of "cars-1"`},
		"a way out":          {[]string{output, "../models", "--yes"}, contract.ExitConfig, "no name of an artifact"},
		"what isn't a run's": {[]string{output, "pets-01234567", "--yes"}, contract.ExitArtifact, "notes.txt"},
		"another scheme":     {[]string{"ftp://models"}, contract.ExitConfig, "s3://"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := runner(append([]string{"prune"}, tc.args...)...)
			if code != tc.code || !strings.Contains(stderr, tc.says) || !exists(t, folder) {
				t.Errorf("exits %d, want %d and %q\n%s", code, tc.code, tc.says, stderr)
			}
		})
	}
}

// A Job names one run. A pod that is started again after the work was done ends well, too.
func TestPruneInAJob(t *testing.T) {
	output, folder := published(t, contract.Run{Name: "pets", UID: "01234567-89ab"})
	prune := func(uid string) int {
		document, err := json.Marshal(contract.PruneConfig{Version: contract.Version, Run: contract.Run{Name: "pets", UID: uid}, Output: contract.Output{Path: output, URI: "pvc://models"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(contract.ConfigEnv, string(document))
		code, _, _ := runner("prune")
		return code
	}
	for _, uid := range []string{"", "01234567-other"} {
		if code := prune(uid); code == contract.ExitOK || !exists(t, folder) {
			t.Errorf("UID %q: exits %d, the folder is there: %t", uid, code, exists(t, folder))
		}
	}
	for range 2 {
		if code := prune("01234567-89ab"); code != contract.ExitOK || exists(t, folder) {
			t.Errorf("exits %d, the folder is there: %t", code, exists(t, folder))
		}
	}
}
