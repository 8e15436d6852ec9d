// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/trainyard-dev/trainyard/hack/demo/internal/tell"
)

// predict asks the Service what is on a picture.
func (d *demo) predict(ctx context.Context) error {
	file := d.picture
	if file == "" {
		var err error
		if file, err = tell.UnseenPicture(ctx, d.settings.OutDir, d.effort.ImageSize); err != nil {
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
