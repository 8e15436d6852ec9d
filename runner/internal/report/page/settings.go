// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// maxSetting is how much of a setting's value is shown, in bytes.
const maxSetting = 400

// settingsTable has every setting that the run was given, by its name in the contract.
func settingsTable(r *report.Report) table {
	t := table{Caption: "Settings", Head: []column{words("Setting"), words("Value")}}
	if r.Config == nil {
		return t
	}
	for _, s := range settings(*r.Config) {
		if !strings.HasPrefix(s.Name, "run.") && s.Name != "version" {
			t.Rows = append(t.Rows, []string{s.Name, s.Value})
		}
	}
	return t.cut("settings")
}

// setting is the value of a setting of the augmentation, or the values of those in it.
func setting(cfg *contract.TrainConfig, name string) string {
	if cfg == nil {
		return ""
	}
	var values []string
	for _, s := range settings(*cfg) {
		path, found := strings.CutPrefix(s.Name, "dataset.augmentation."+name)
		if found && (path == "" || path[0] == '.') {
			values = append(values, strings.TrimPrefix(path+" "+s.Value, "."))
		}
	}
	return strings.TrimSpace(strings.Join(values, ", "))
}

// settings are the fields of a configuration in its order, without what a URI may say besides a place.
func settings(cfg contract.TrainConfig) []fact {
	if cfg.Dataset.URI != "" {
		cfg.Dataset.URI = contract.DatasetLocation(cfg.Dataset)
	}
	if dvc := cfg.Dataset.DVC; dvc != nil {
		shown := *dvc
		shown.Repo = contract.DatasetLocation(contract.Dataset{DVC: &contract.DVC{Repo: dvc.Repo}})
		cfg.Dataset.DVC = &shown
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		return []fact{{Name: "settings", Value: err.Error()}}
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	return flatten(decoder, "")
}

// flatten reads one value and returns its leaves by their paths.
func flatten(decoder *json.Decoder, path string) []fact {
	token, err := decoder.Token()
	if err != nil {
		return nil
	}
	var facts []fact
	switch delim, _ := token.(json.Delim); delim {
	case '{':
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return facts
			}
			facts = append(facts, flatten(decoder, strings.TrimPrefix(path+"."+fmt.Sprint(key), "."))...)
		}
	case '[':
		for i := 0; decoder.More(); i++ {
			facts = append(facts, flatten(decoder, fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		return []fact{{Name: path, Value: text.Clean(fmt.Sprint(token), maxSetting)}}
	}
	_, _ = decoder.Token() // the end of what began; what json.Marshal wrote has it
	return facts
}

// lineageTable says what a model came from.
func lineageTable(run Run) table {
	r := run.Report
	t := table{Caption: "Lineage", Head: []column{words("What"), words("Value")}}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, text.Clean(value, maxSetting)})
		}
	}
	add("Run", run.Run.Name)
	add("Namespace", run.Run.Namespace)
	add("UID", run.Run.UID)
	add("Program", r.Program)
	if r.History != nil {
		add("Kernels", r.History.KernelSet)
	}
	if m := run.Result.Model; m != nil {
		add("Model", m.URI)
		add("Model sha256", m.SHA256)
		add("Model size", size(m.SizeBytes))
		if m.Samples != nil {
			add("Held-out samples", fmt.Sprintf("%s, %d of them", m.Samples.URI, m.Samples.Count))
			add("Samples sha256", m.Samples.SHA256)
		}
	}
	if r.Config != nil {
		add("Dataset", datasetPlace(r.Config.Dataset))
	}
	add("Dataset digest", r.Dataset.Digest)
	add("Dataset revision", r.Dataset.Revision)
	if d := run.Result.Dataset; d != nil {
		add("Test split digest", d.TestSplitDigest)
	}
	add("Labels", r.Dataset.Labels)
	add("Split by", r.Dataset.SplitBy)
	if c := run.Result.Trained; c != nil {
		add("Trained", fmt.Sprintf("%d epochs, %d steps", c.Epoch, c.Step))
	}
	return t
}

func datasetPlace(d contract.Dataset) string {
	switch {
	case d.Generated != nil:
		return "drawn pictures"
	case d.Path != "":
		return d.Path
	default:
		return contract.DatasetLocation(d)
	}
}
