// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// What settings and data yield is what earlier versions made of them, byte for byte: records name models by their digests,
// and a run goes on from the checkpoints of the version before. The portable kernels compute alike on every x86-64 CPU.
func TestTrainingYieldsWhatItDid(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("compilers for other processors fuse multiplications and additions")
	}
	t.Setenv(kernels.EnvironmentVariable, "portable")
	t.Chdir(t.TempDir()) // the report holds the output's path
	got := map[string]string{}
	add := func(name, path string) {
		t.Helper()
		digest, _, err := artifact.FileDigest(path)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = digest
	}
	cfg := smallConfig("models")
	result := mustDo(t, newRun(cfg))
	for _, name := range []string{contract.ModelFile, contract.SamplesFile, "report/report.json"} {
		add(name, filepath.Join("models", "small-01234567", name))
	}
	got["test split"] = result.Dataset.TestSplitDigest

	cfg.Output.Path, cfg.Output.Quantization = "int8", contract.QuantizationInt8
	mustDo(t, newRun(cfg))
	add("int8 model", filepath.Join("int8", "small-01234567", contract.ModelFile))

	cfg.Output.Path, cfg.Output.Quantization = "stopped", ""
	if _, err := doAndStop(t, newRun(cfg), 7); exitCode(err) != contract.ExitTerminated {
		t.Fatal(err)
	}
	checkpoints := filepath.Join("stopped", ".checkpoints", "small-01234567")
	add("checkpoint", filepath.Join(checkpoints, "epoch-000002-step-000000000007.safetensors"))
	record, err := filepath.Glob(filepath.Join(checkpoints, "epoch-000002-step-000000000007.*json"))
	if err != nil || len(record) != 1 {
		entries, _ := os.ReadDir(checkpoints)
		t.Fatalf("there is no record: %v, %v", entries, err)
	}
	add("checkpoint's record", record[0])

	want := map[string]string{
		"checkpoint":          "93ec20150a814106169f86e7edd385c238f90eafee52abdc9c76e08fc67ec371",
		"checkpoint's record": "a7dfb327d91bf277a1cecbd50feabe7e430370bfe4ea5cfff40f9206bbb9f855",
		"int8 model":          "86f81124b4bca9bca980db6e185169a645bf0a97d5f256843963097ef6e4dea9",
		"model.onnx":          "a0fc1d4b62f0eae9dcb852ba019321c8503ad01deb25490ea14b48c0f1dd5e0e",
		"report/report.json":  "1463d2c05806ba538c6a9947520a38f089caddb92f443fe7a64f309e1c72ab84",
		"samples.tar":         "245112e61988683a92c8c317685d48afcebf2a2e2787f9b3b70ddab5868c1cfb",
		"test split":          "sha256:87dfadc4c33fa1f1fe8e3976767a0607e86809eecfa7388a8f1f0e5c88a571cf",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sha256 (-earlier versions +now):\n%s", diff)
	}
}
