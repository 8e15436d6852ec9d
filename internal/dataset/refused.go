// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

// Refused is the error of a dataset that was scanned and can't be used. Err wraps one of this package's errors.
type Refused struct {
	Err error
	// Found is what the scan found: which files were left out, and why.
	Found *Dataset
}

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }
