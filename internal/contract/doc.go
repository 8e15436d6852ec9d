// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package contract holds what the operator, the runner image and the server
// image agree on: the configuration that goes into a container, the result that
// comes out of it, the progress it reports on the way, its exit codes, ports and
// mount paths.
//
// The documents are JSON and carry a version, so that an image of another
// release, or one that a user wrote, can be told apart. A reader accepts
// [Version] alone so far, and from 2 on the one before it too. docs/contract.md is the same in prose.
package contract
