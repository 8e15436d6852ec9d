// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// model is what a run has published.
type model struct {
	run    string
	dir    string // of the artifact
	result contract.TrainResult
}

// revision is what the model is called where it is served.
func (m model) revision() string { return filepath.Base(m.dir) }

func (m model) file(name string) string { return filepath.Join(m.dir, name) }

func (m model) accuracy() float64 {
	i := slices.IndexFunc(m.result.Metrics, func(v contract.Metric) bool { return v.Name == contract.MetricAccuracy })
	if i < 0 {
		return 0
	}
	return m.result.Metrics[i].Value
}

// noBetter says that the model is no better than guessing, by its run's own comparison; empty where it is, or where there is none.
func (m model) noBetter() string {
	chance := m.result.Chance
	if chance == nil || chance.Better {
		return ""
	}
	return fmt.Sprintf("the model is no better than guessing: its accuracy on the test split, %.4g, is not above that of always naming the most frequent class, %.4g, with a confidence of 99 %%",
		m.accuracy(), chance.Accuracy)
}

// train trains the good model.
func (s *story) train(ctx context.Context) error {
	source := []string{"--samples-per-class=500"}
	if s.data != "" {
		found, picked, err := effort.Pick(ctx, s.data, s.limit, os.Stdout)
		if err != nil {
			return err
		}
		s.picture, s.effort, s.minAccuracy = found.First, picked, 0
		source = []string{"--data=" + s.data}
	}
	var err error
	if s.good, err = s.learn(ctx, goodRun, s.effort, source...); err != nil {
		return err
	}
	if said := s.good.noBetter(); said != "" {
		fmt.Printf("   %s. Few pictures are the usual reason. The story goes on with it; a cluster would reject it (promotion.chance).\n", said)
	}
	return nil
}

// learn runs the runner, which shows how far it is, and returns what it has published.
func (s *story) learn(ctx context.Context, run string, effort effort.Effort, source ...string) (model, error) {
	models, result := s.file("models"), s.file(run+".json")
	args := append([]string{"train", "--name=" + run}, source...)
	args = append(args, "--image-size="+strconv.Itoa(effort.ImageSize), "--epochs="+strconv.Itoa(effort.Epochs),
		"--output="+models, "--result="+result)
	if err := s.show(ctx, "runner", args...); err != nil {
		return model{}, err
	}
	data, err := os.ReadFile(result)
	if err != nil {
		return model{}, err
	}
	m := model{run: run}
	if err := contract.DecodeResult(data, &m.result); err != nil {
		return model{}, fmt.Errorf("%s: %w", result, err)
	}
	published, err := filepath.Glob(filepath.Join(models, run+"-*", contract.ModelFile))
	if err != nil {
		return model{}, err
	}
	if len(published) != 1 || m.result.Model == nil || m.result.Model.Samples == nil {
		return model{}, errors.New("run " + run + " has published no model with samples: see what it said above")
	}
	m.dir = filepath.Dir(published[0])
	return m, nil
}
