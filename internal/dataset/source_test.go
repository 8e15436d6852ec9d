// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

// Folder is folder.New, which imports this package, so that only an external test can give it to the tests here.
var Folder func(root string) Source
