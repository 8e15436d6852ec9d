// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tell is what the demo says in the same words with a cluster and without one.
package tell

import (
	"context"
	"fmt"
	"time"
)

// Step is a part of the story.
type Step struct {
	Title string
	Do    func(context.Context) error
}

// Steps tells the steps one after the other. When one fails, explain shows what there is.
func Steps(ctx context.Context, steps []Step, explain func(context.Context)) error {
	for _, step := range steps {
		start := time.Now()
		Title(step.Title)
		if err := step.Do(ctx); err != nil {
			explain(context.WithoutCancel(ctx))
			return fmt.Errorf("%s: %w", step.Title, err)
		}
		fmt.Printf("   (%.0f s)\n", time.Since(start).Seconds())
	}
	return nil
}

// Title begins a part of the story.
func Title(title string) { fmt.Printf("\n\033[1m== %s\033[0m\n", title) }
