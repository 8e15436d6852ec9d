// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

var portableSet = Set{
	Name:         "portable",
	Supported:    func() bool { return true },
	InverseDCT:   inverseDCT,
	InverseDCT4:  inverseDCT4,
	InverseDCT2:  inverseDCT2,
	SmoothAcross: smoothAcross,
	SmoothRows:   smoothRows,
	SmoothBoth:   smoothBoth,
	ConvertYCC:   convertYCC,
	WeighRows:    weighRows,
	FilterRow:    filterRow,
}
