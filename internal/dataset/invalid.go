// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"strings"
)

// maxInvalidNamed bounds the files that an error names.
const maxInvalidNamed = 3

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
	var named []string
	for _, file := range d.Skipped.First[:min(len(d.Skipped.First), maxInvalidNamed)] {
		named = append(named, fmt.Sprintf("%s: %v", file.Name, file.Err))
	}
	listed := "all of which"
	if len(d.Skipped.First) < invalid {
		listed = fmt.Sprintf("the first %d of which", len(d.Skipped.First))
	}
	// The remedy comes before the names, which may be too long for the status of a run.
	return fmt.Errorf("%w: %d of the %d files in %v can't be used as images (%s), and dataset.maxInvalidPercent allows %d%%: repair or remove them, %s the log names, or raise maxInvalidPercent; the first: %s",
		ErrTooManyInvalid, invalid, files, d.source, strings.Join(causes, ", "), *maxPercent, listed, strings.Join(named, "; "))
}
