// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pictures writes a picture of each size for bench-serving: mosaics of drawn photographs at their own size, so that details are a
// photograph's.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"path/filepath"
)

// quality is that of cameras and of the pictures on the web.
const quality = 90

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: pictures PHOTOGRAPHS OUT"))
	}
	photographs, err := filepath.Glob(filepath.Join(os.Args[1], "*", "*.jpg"))
	if err == nil && len(photographs) == 0 {
		err = fmt.Errorf("%s holds no folders of .jpg files", os.Args[1])
	}
	for _, size := range []image.Point{{32, 32}, {200, 200}, {500, 375}, {4000, 3000}} {
		if err == nil {
			err = write(filepath.Join(os.Args[2], fmt.Sprintf("%dx%d.jpg", size.X, size.Y)), size, photographs)
		}
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "pictures:", err)
	os.Exit(1)
}

// write writes one picture.
func write(path string, size image.Point, photographs []string) error {
	picture := image.NewRGBA(image.Rectangle{Max: size})
	next := 0
	for y := 0; y < size.Y; {
		row := size.Y
		for x := 0; x < size.X; {
			file, err := os.ReadFile(photographs[next%len(photographs)])
			if err != nil {
				return err
			}
			next++
			photograph, err := jpeg.Decode(bytes.NewReader(file))
			if err != nil {
				return err
			}
			bounds := photograph.Bounds()
			draw.Draw(picture, bounds.Add(image.Pt(x, y)), photograph, bounds.Min, draw.Src)
			x, row = x+bounds.Dx(), min(row, bounds.Dy())
		}
		y += row
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, picture, &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	return os.WriteFile(path, encoded.Bytes(), 0o600)
}
