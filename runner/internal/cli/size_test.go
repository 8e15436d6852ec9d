// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "4096": 4096, "1Ki": 1 << 10, "500Mi": 500 << 20, "20Gi": 20 << 30, "2Ti": 2 << 40, "3k": 3000, "5M": 5e6, "7G": 7e9, "1T": 1e12,
	} {
		var got size
		if err := got.Set(text); err != nil || int64(got) != want {
			t.Errorf("%s is %d, want %d, error %v", text, got, want, err)
		}
	}
	for _, text := range []string{"", "Gi", "20GB", "-1", "1.5Gi", "9223372036854775807Ki", "20 Gi"} {
		var got size
		if err := got.Set(text); err == nil {
			t.Errorf("%q is taken for %d bytes", text, got)
		}
	}
}
