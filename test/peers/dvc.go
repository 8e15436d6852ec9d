// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// DVCRepository has a real DVC, 2 or 3, make a repository whose remote is a bucket of a server or, without one, a folder. It
// returns the folder of what test/peers/dvc/repository.sh makes. Without that DVC, and in short mode, the test is skipped.
func DVCRepository(t testing.TB, version string, server *S3, bucket string) string {
	t.Helper()
	program := filepath.Join(root(), ".venv-dvc"+version, "bin", "dvc")
	if _, err := os.Stat(program); err != nil || testing.Short() {
		t.Skipf("DVC %s is missing, or this is short mode: run `make test-dvc`", version)
	}
	dir := t.TempDir()
	args := []string{program, dir}
	environment := os.Environ()
	if server != nil {
		user, secret := server.Keys()
		args = append(args, "s3://"+bucket+"/dvc"+version, server.Endpoint())
		environment = append(environment, "AWS_ACCESS_KEY_ID="+user, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_DEFAULT_REGION=us-east-1")
	}
	command := exec.CommandContext(t.Context(), filepath.Join(root(), "test", "peers", "dvc", "repository.sh"), args...)
	command.Env = environment
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("DVC %s: %v\n%s", version, err, said)
	}
	return dir
}
