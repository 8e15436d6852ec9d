// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag of a number of bytes, in Kubernetes' notation.
type size int64

// units are what a size may end in, in the order in which they are tried.
var units = []struct {
	ending string
	bytes  int64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"", 1},
}

// String implements pflag.Value.
func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

// Set implements pflag.Value.
func (s *size) Set(value string) error {
	for _, unit := range units {
		digits, ends := strings.CutSuffix(value, unit.ending)
		if !ends {
			continue
		}
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || number < 0 || number > math.MaxInt64/unit.bytes {
			break
		}
		*s = size(number * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q: give a number of bytes, such as 500Mi or 20Gi", value)
}

// Type implements pflag.Value.
func (s *size) Type() string { return "bytes" }
