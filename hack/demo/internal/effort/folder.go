// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package effort

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// Folder is what is known of a folder of class folders before anything is trained on it.
type Folder struct {
	Pictures, Classes int
	// First is the path of a picture to try the model with.
	First string
}

// Look lists a folder as a training does. What can't be decoded is found out there.
func Look(ctx context.Context, path string) (Folder, error) {
	listing, err := folder.New(path, folder.Layout{}).List(ctx)
	if err != nil {
		return Folder{}, err
	}
	if len(listing.Files) == 0 {
		return Folder{}, fmt.Errorf("%w: folder %q has no pictures: %s", dataset.ErrInvalid, path, dataset.FolderShape)
	}
	slices.SortFunc(listing.Files, func(a, b dataset.File) int { return cmp.Compare(a.Name, b.Name) })
	found, classes := Folder{Pictures: len(listing.Files)}, map[string]bool{}
	for _, file := range listing.Files {
		classes[file.Class] = true
		if at := filepath.Join(path, filepath.FromSlash(file.Name)); found.First == "" && isPicture(at) {
			found.First = at
		}
	}
	found.Classes = len(classes)
	if found.First == "" {
		return Folder{}, fmt.Errorf("%w: none of the %d files in folder %q is a picture: %s", dataset.ErrInvalid, found.Pictures, path, dataset.FolderShape)
	}
	return found, nil
}

// isPicture tells by a file's first bytes, as names don't count.
func isPicture(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, 512) // what DetectContentType considers
	n, _ := io.ReadFull(file, head)
	return strings.HasPrefix(http.DetectContentType(head[:n]), "image/")
}
