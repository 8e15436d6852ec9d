// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// bucketConfig publishes to a bucket of an S3 server. Each attempt has scratch space of its own, as a pod does.
func bucketConfig(t *testing.T, server *peers.S3) contract.TrainConfig {
	t.Helper()
	cfg := smallConfig(t.TempDir())
	cfg.Output.URI, cfg.Output.Credentials = server.URI("models/team"), server.Credentials
	return cfg
}

func TestRunPublishesToABucket(t *testing.T) {
	server := peers.StartS3(t, "models")
	cfg := bucketConfig(t, server)
	result := mustDo(t, newRun(cfg))
	if want := server.URI("models/team/small-01234567/model.onnx"); result.Model.URI != want {
		t.Errorf("the model is at %s, want %s", result.Model.URI, want)
	}
	// What the server keeps is a folder: it holds an artifact like any other, and no checkpoint.
	published := filepath.Join(server.Dir, "models", "team", "small-01234567")
	manifest, err := artifact.ReadManifest(published)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Files) < 5 || manifest.Result.Model.SHA256 != result.Model.SHA256 {
		t.Errorf("manifest %+v", manifest)
	}
	if left, _ := filepath.Glob(filepath.Join(server.Dir, "models", "team", ".checkpoints", "*", "*")); len(left) > 0 {
		t.Errorf("checkpoints of the published run remain: %v", left)
	}

	seen := &recorder{}
	cfg.Output.Path = t.TempDir()
	again := mustDo(t, newRun(cfg, seen))
	if diff := cmp.Diff(result, again); diff != "" || seen.images() > 0 {
		t.Errorf("published again after training on %d images (-first +again):\n%s", seen.images(), diff)
	}

	if err := os.WriteFile(filepath.Join(published, "model.onnx"), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg.Output.Path = t.TempDir()
	if _, err := newRun(cfg).Do(t.Context()); exitCode(err) != contract.ExitArtifact {
		t.Errorf("a damaged artifact ends with %v, want exit code 6", err)
	}
}

// A pod that is killed takes its scratch space with it: the next goes on from the bucket, or from the volume for checkpoints.
func TestResumeFromABucketIsBitIdentical(t *testing.T) {
	want := mustDo(t, newRun(smallConfig(t.TempDir())))
	for name, volume := range map[string]string{"bucket": "", "volume": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			server := peers.StartS3(t, "models")
			cfg := bucketConfig(t, server)
			cfg.Output.CheckpointsPath = volume
			for _, steps := range []int{2, 1, 4} {
				cfg.Output.Path = t.TempDir()
				if result, err := doAndStop(t, newRun(cfg), steps); exitCode(err) != contract.ExitTerminated {
					t.Fatalf("stopped after %d steps: %+v, %v", steps, result, err)
				}
				kept, _ := filepath.Glob(filepath.Join(server.Dir, "models", "team", contract.CheckpointsDir, "*", "*.json"))
				if (len(kept) > 0) != (volume == "") || len(kept) > 2 {
					t.Errorf("checkpoints in the bucket: %v", kept)
				}
			}
			cfg.Output.Path = t.TempDir()
			seen := &recorder{}
			got := mustDo(t, newRun(cfg, seen))
			if seen.images() >= 18 {
				t.Errorf("the last attempt trained on %d images, want it to go on from a checkpoint", seen.images())
			}
			if got.Model.SHA256 != want.Model.SHA256 {
				t.Error("the model differs from that of an uninterrupted run")
			}
		})
	}
}

// What a person has to mend is said before anything is trained.
func TestUnusableBuckets(t *testing.T) {
	server := peers.StartS3(t, "models")
	wrong := t.TempDir()
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": "trainyard", "AWS_SECRET_ACCESS_KEY": "wr0ng"} {
		writeFile(t, filepath.Join(wrong, key), []byte(value))
	}
	cases := map[string]struct {
		change   func(*contract.Output)
		wantCode int
		reason   string
		wantText string
	}{
		"no such bucket": {
			change:   func(o *contract.Output) { o.URI = server.URI("nothing/team") },
			wantCode: contract.ExitConfig, reason: contract.ReasonConfigInvalid, wantText: "output: ",
		},
		"wrong credentials": {
			change:   func(o *contract.Output) { o.Credentials = wrong },
			wantCode: contract.ExitDataset, reason: contract.ReasonCredentialsInvalid, wantText: "check the Secret",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := bucketConfig(t, server)
			tc.change(&cfg.Output)
			seen := &recorder{}
			result, err := newRun(cfg, seen).Do(t.Context())
			if exitCode(err) != tc.wantCode || result.Reason != tc.reason || !strings.Contains(result.Message, tc.wantText) || seen.images() > 0 {
				t.Errorf("exit code %d, %s: %s, after %d images", exitCode(err), result.Reason, result.Message, seen.images())
			}
		})
	}
}
