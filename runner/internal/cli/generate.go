// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
)

// generateOptions are the flags of generate-data.
type generateOptions struct {
	out       string
	imageSize int
	generated contract.Generated
}

func (a *app) generateCommand() *cobra.Command {
	o := &generateOptions{generated: contract.DefaultGenerated()}
	command := &cobra.Command{
		Use:     "generate-data --out FOLDER",
		Short:   "Draw pictures of cats and dogs to train on",
		Example: "  runner generate-data --out out/pets --samples-per-class 400 --image-size 64",
		Args:    cobra.NoArgs,
		RunE:    a.action(func(ctx context.Context) error { return a.generate(ctx, o) }),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.out, "out", "", "Folder to create a folder for each class in.")
	flags.IntVar(&o.generated.SamplesPerClass, "samples-per-class", o.generated.SamplesPerClass, "Number of pictures to draw of each class.")
	flags.StringSliceVar(&o.generated.Classes, "classes", o.generated.Classes, "Classes to draw, separated by commas.")
	flags.IntVar(&o.imageSize, "image-size", 128, "Side of the pictures in pixels.")
	flags.Int64Var(&o.generated.Seed, "seed", o.generated.Seed, "Seed of the pictures.")
	flags.IntVar(&o.generated.LabelNoisePercent, "label-noise-percent", 0, "Share of pictures whose label is drawn at random.")
	_ = command.MarkFlagRequired("out") // fails for unknown flags only
	return command
}

func (a *app) generate(ctx context.Context, o *generateOptions) error {
	cfg := generate.ConfigOf(o.generated, o.imageSize)
	if err := cfg.Validate(); err != nil {
		return failure.Config(err)
	}
	// Pictures of two calls would be taken for one dataset.
	if entries, err := os.ReadDir(o.out); err == nil && len(entries) > 0 {
		return failure.Config(fmt.Errorf("--out: %s isn't empty: name a new folder", o.out))
	}
	if err := generate.Write(ctx, o.out, cfg); err != nil {
		return failure.Output(err)
	}
	fmt.Fprintf(a.stdout, "%d pictures in %s\n", o.generated.SamplesPerClass*len(cfg.Classes), o.out)
	return nil
}
