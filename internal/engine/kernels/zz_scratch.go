// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Method scratch.
func (p *PreparedConv2D) Method() int { return int(p.method) }
