// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset_test

import (
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

func init() {
	dataset.Folder = func(root string) dataset.Source { return folder.New(root, folder.Layout{}) }
}
