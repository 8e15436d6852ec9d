// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "testing"

// Blocks of BaselineCNN's and ResNet-50's images.
func TestWinogradBlocks(t *testing.T) {
	for name, tc := range map[string]struct{ tilesW, rows, want int }{
		"112 pixels":             {28, 28, 2}, // 56 tiles fill 7 vectors
		"56 pixels":              {14, 14, 5},
		"28 pixels, all at once": {7, 7, 7},
		"14 pixels, all at once": {4, 4, 4},
		"wider than a block":     {100, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := winogradArgs{tilesW: tc.tilesW}
			if got := a.bestRows(tc.rows); got != tc.want {
				t.Errorf("a block has %d rows of tiles, want %d", got, tc.want)
			}
		})
	}
}
