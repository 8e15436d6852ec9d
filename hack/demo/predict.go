// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
)

// predict asks the Service what is on a picture.
func (d *demo) predict(ctx context.Context) error {
	file := d.settings.Picture
	if file == "" {
		var err error
		if file, err = d.drawUnseenPicture(ctx); err != nil {
			return err
		}
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	fmt.Printf("$ curl --data-binary @%s http://%s.%s.svc/predict\n", file, server, namespace)
	answer, err := d.postToService(ctx, "predict", http.DetectContentType(picture), picture)
	if err != nil {
		return fmt.Errorf("predict: %w: %s", err, answer)
	}
	fmt.Println(string(answer))
	return nil
}

// drawUnseenPicture draws a cat with a seed that the demo doesn't train on.
func (d *demo) drawUnseenPicture(ctx context.Context) (string, error) {
	source, err := generate.New(generate.Config{
		SamplesPerClass: 1, Classes: []generate.Class{generate.Cat, generate.Dog}, Seed: 2026, ImageSize: d.settings.ImageSize,
	})
	if err != nil {
		return "", err
	}
	listing, err := source.List(ctx)
	if err != nil {
		return "", err
	}
	if len(listing.Files) == 0 {
		return "", errors.New("the generator drew no picture")
	}
	data, err := source.Read(ctx, listing.Files[0].Name, 1<<20)
	if err != nil {
		return "", err
	}
	file := filepath.Join(d.settings.OutDir, listing.Files[0].Class+".jpg")
	return file, os.WriteFile(file, data, 0o644)
}
