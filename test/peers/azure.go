// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Azure is a running Azurite, which speaks the protocol of Azure's blob storage.
type Azure struct {
	// Account and Key are those of its storage account.
	Account, Key string
	// Address is where it listens, without TLS.
	Address string
}

// StartAzure starts Azurite for a test. Without the program, which `make test-azure` installs, the test is skipped.
func StartAzure(t testing.TB) *Azure {
	t.Helper()
	program := filepath.Join(root(), "bin", "azurite", "node_modules", ".bin", "azurite-blob")
	if _, err := os.Stat(program); err != nil {
		t.Skip("Azurite, which this test needs, is missing: run `make test-azure`")
	}
	a := &Azure{Account: "trainyard", Key: "dDBwc2VjcmV0LXQwcHNlY3JldC10MHBzZWNyZXQ=", Address: freeAddress(t)}
	host, port := splitAddress(t, a.Address)
	command := exec.Command(program, "--blobHost", host, "--blobPort", port, "--location", t.TempDir(), "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	command.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+a.Account+":"+a.Key)
	startServer(t, command, "Azurite", a.Address)
	return a
}
