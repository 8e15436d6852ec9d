// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"strings"
)

// checkInvalid refuses a dataset of which more files can't be used than are allowed: what is broken in a part may be
// broken as a whole, as by a copy that was cut off.
func (d *Dataset) checkInvalid(files int, maxPercent *int) error {
	invalid := d.Skipped.Count
	if maxPercent == nil || invalid*100 <= *maxPercent*files {
		return nil
	}
	var causes []string
	for _, left := range d.LeftOut {
		if left.Cause.ofFiles() {
			causes = append(causes, fmt.Sprintf("%s %d", left.Cause, left.Count))
		}
	}
	first := d.Skipped.First[0]
	return fmt.Errorf("%w: %d of the %d files in %v can't be used as images (%s), and dataset.maxInvalidPercent allows %d%%; the first is %s: %w: repair or remove them, or raise maxInvalidPercent",
		ErrTooManyInvalid, invalid, files, d.source, strings.Join(causes, ", "), *maxPercent, first.Name, first.Err)
}
