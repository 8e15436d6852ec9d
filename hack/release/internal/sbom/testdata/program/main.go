// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command program uses a module on one platform that it doesn't use on the other.
package main

import _ "golang.org/x/mod/semver"

func main() {}
