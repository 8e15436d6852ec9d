// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// kind is a size of pictures.
type kind struct {
	name          string
	width, height int
	// count is how many are loaded as a dataset, single how many of them are decoded one by one.
	count, single int
}

var kinds = []kind{
	{"200x200", 200, 200, 2000, 200},
	{"500x375", 500, 375, 600, 60},
	{"4000x3000", 4000, 3000, 24, 2},
}

// quality is the JPEG quality of pictures that are put together.
const quality = 85

// classes are the folders that pictures are dealt to.
var classes = []string{"a", "b"}

// prepare writes the pictures: each a mosaic of photographs at their own size, so that its details are a photograph's.
func prepare(data, out string) error {
	photographs, err := find(data)
	if err != nil {
		return err
	}
	next := 0
	for _, k := range kinds {
		folder := filepath.Join(out, k.name)
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		for i := range k.count {
			path := filepath.Join(folder, classes[i%len(classes)], fmt.Sprintf("%04d.jpg", i))
			if err := write(path, k, photographs, &next); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes one picture.
func write(path string, k kind, photographs []string, next *int) error {
	picture := image.NewRGBA(image.Rect(0, 0, k.width, k.height))
	if err := fill(picture, photographs, next); err != nil {
		return err
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, picture, &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, encoded.Bytes(), 0o600)
}

// fill covers a picture with the photographs that come next.
func fill(picture *image.RGBA, photographs []string, next *int) error {
	for y := 0; y < picture.Rect.Dy(); {
		bottom := picture.Rect.Dy()
		for x := 0; x < picture.Rect.Dx(); {
			path := photographs[*next%len(photographs)]
			*next++
			file, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			photograph, err := jpeg.Decode(bytes.NewReader(file))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			bounds := photograph.Bounds()
			draw.Draw(picture, bounds.Add(image.Pt(x, y)), photograph, bounds.Min, draw.Src)
			x += bounds.Dx()
			bottom = min(bottom, y+bounds.Dy())
		}
		y = bottom
	}
	return nil
}

// find lists the JPEG files below a folder.
func find(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.EqualFold(filepath.Ext(path), ".jpg") {
			found = append(found, path)
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%q holds no .jpg files", folder)
	}
	return found, err
}

// read returns the first files of a folder.
func read(folder string, count int) (paths []string, files [][]byte, err error) {
	paths, err = find(folder)
	if err != nil {
		return nil, nil, err
	}
	paths = paths[:count]
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	return paths, files, nil
}
