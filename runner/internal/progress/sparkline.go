// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"slices"
	"strings"
)

// sparkWidth is how many characters a sparkline has at most. It is even.
const sparkWidth = 16

// sparkline draws a series, however long, in a few characters: each is the mean of as many values.
type sparkline struct {
	means []float64 // of each values
	each  int       // 0: 1
	sum   float64   // of the values after those
	count int
}

// add adds a value to the series.
func (s *sparkline) add(value float64) {
	s.each = max(1, s.each)
	s.sum += value
	if s.count++; s.count < s.each {
		return
	}
	s.means = append(s.means, s.sum/float64(s.count))
	s.sum, s.count = 0, 0
	if len(s.means) == sparkWidth {
		for i := range sparkWidth / 2 {
			s.means[i] = (s.means[2*i] + s.means[2*i+1]) / 2
		}
		s.means, s.each = s.means[:sparkWidth/2], 2*s.each
	}
}

// String draws the series from its least to its greatest mean; empty while there is nothing to compare.
func (s *sparkline) String() string {
	if len(s.means) < 2 {
		return ""
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	least, most := slices.Min(s.means), slices.Max(s.means)
	var drawn strings.Builder
	for _, mean := range s.means {
		height := 0
		if most > least {
			height = int((mean - least) / (most - least) * float64(len(bars)-1))
		}
		drawn.WriteRune(bars[height])
	}
	return drawn.String()
}
