// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
)

// TestEncodings compares with the words of GNU's assembler (binutils 2.40, aarch64-linux-gnu-as).
func TestEncodings(t *testing.T) {
	for want, instruction := range map[string]instruction{
		"4e23d441 fadd v1.4s, v2.4s, v3.4s":        fadd(3, 2, 1),
		"4ea3d441 fsub v1.4s, v2.4s, v3.4s":        fsub(3, 2, 1),
		"6e3ddfdf fmul v31.4s, v30.4s, v29.4s":     fmul(29, 30, 31),
		"4e23f441 fmax v1.4s, v2.4s, v3.4s":        fmax(3, 2, 1),
		"4ea3f441 fmin v1.4s, v2.4s, v3.4s":        fmin(3, 2, 1),
		"6e23d441 faddp v1.4s, v2.4s, v3.4s":       faddp(3, 2, 1),
		"6ea3e441 fcmgt v1.4s, v2.4s, v3.4s":       fcmgt(3, 2, 1),
		"4ea0c841 fcmgt v1.4s, v2.4s, #0.0":        fcmgtZero(2, 1),
		"4e63d441 fadd v1.2d, v2.2d, v3.2d":        faddDoubles(3, 2, 1),
		"6e63d441 faddp v1.2d, v2.2d, v3.2d":       faddpDoubles(3, 2, 1),
		"0e617841 fcvtl v1.2d, v2.2s":              fcvtl(2, 1),
		"4e617841 fcvtl2 v1.2d, v2.4s":             fcvtl2(2, 1),
		"4e21d841 scvtf v1.4s, v2.4s":              scvtf(2, 1),
		"4e21a841 fcvtns v1.4s, v2.4s":             fcvtns(2, 1),
		"0e614841 sqxtn v1.4h, v2.4s":              sqxtn(2, 1),
		"4e614841 sqxtn2 v1.8h, v2.4s":             sqxtn2(2, 1),
		"2e212841 sqxtun v1.8b, v2.8h":             sqxtun(2, 1),
		"6e212841 sqxtun2 v1.16b, v2.8h":           sqxtun2(2, 1),
		"4e630c41 sqadd v1.8h, v2.8h, v3.8h":       sqadd(3, 2, 1),
		"4e23c441 fmaxnm v1.4s, v2.4s, v3.4s":      fmaxnm(3, 2, 1),
		"6e23fc41 fdiv v1.4s, v2.4s, v3.4s":        fdiv(3, 2, 1),
		"4f83e041 sdot v1.4s, v2.16b, v3.4b[0]":    sdotElement(3, 0, 2, 1),
		"4fbfebb7 sdot v23.4s, v29.16b, v31.4b[3]": sdotElement(31, 3, 29, 23),
		"4f831041 fmla v1.4s, v2.4s, v3.s[0]":      fmlaElement(3, 0, 2, 1),
		"4fbe1041 fmla v1.4s, v2.4s, v30.s[1]":     fmlaElement(30, 1, 2, 1),
		"4f831841 fmla v1.4s, v2.4s, v3.s[2]":      fmlaElement(3, 2, 2, 1),
		"4fbf1bb7 fmla v23.4s, v29.4s, v31.s[3]":   fmlaElement(31, 3, 29, 23),
		"4f835041 fmls v1.4s, v2.4s, v3.s[0]":      fmlsElement(3, 0, 2, 1),
		"4fbf5bb7 fmls v23.4s, v29.4s, v31.s[3]":   fmlsElement(31, 3, 29, 23),
		"4f839841 fmul v1.4s, v2.4s, v3.s[2]":      fmulElement(3, 2, 2, 1),
	} {
		if got := fmt.Sprintf("%08x %s", instruction.word, instruction.text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
