// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// snippet is text to copy.
type snippet struct{ ID, Title, Text string }

// snippets say how to serve the model of a run.
func snippets(run Run) []snippet {
	m := run.Result.Model
	if m == nil {
		return nil
	}
	var all []snippet
	if run.Run.Namespace != "" {
		all = append(all, snippet{"serve-run", "In the run's cluster, as a ModelServer that follows the run", modelServer(run.Run, fmt.Sprintf("    trainingRunRef:\n      name: %s\n", run.Run.Name))})
	}
	switch claim, path, err := contract.ParsePVCURI(m.URI); {
	case err == nil:
		all = append(all, snippet{"serve-file", "This very file, from its volume", modelServer(run.Run,
			fmt.Sprintf("    source:\n      pvc:\n        claimName: %s\n        path: %s\n      sha256: %s\n", quote(claim), quote(path), quote(m.SHA256)))})
	case strings.Contains(m.URI, "://"):
		all = append(all, snippet{"serve-file", "This very file, from where it lies (add secretRef if that needs credentials)", modelServer(run.Run,
			fmt.Sprintf("    source:\n      uri: %s\n      sha256: %s\n", quote(m.URI), quote(m.SHA256)))})
		all = append(all, snippet{"serve-here", "On a laptop", fmt.Sprintf("server serve --name %s --model %s --sha256 %s\n", run.Run.Name, shell(m.URI), m.SHA256)})
	default:
		all = append(all, snippet{"serve-here", "On this machine", fmt.Sprintf("server serve --name %s --model %s --sha256 %s\n", run.Run.Name, shell(m.URI), m.SHA256)})
	}
	return all
}

// modelServer is a manifest with the given model.
func modelServer(run contract.Run, model string) string {
	namespace := ""
	if run.Namespace != "" {
		namespace = "  namespace: " + quote(run.Namespace) + "\n"
	}
	return "apiVersion: trainyard.dev/v1alpha1\nkind: ModelServer\nmetadata:\n  name: " + run.Name + "\n" + namespace + "spec:\n  model:\n" + model
}

// quote writes a text as YAML does in quotes; JSON is YAML.
func quote(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `""` // a string can be encoded
	}
	return strings.TrimSpace(b.String())
}

// shell quotes an argument.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
