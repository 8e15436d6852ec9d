// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// checkpoint returns a checkpoint with a tensor of n elements.
func checkpoint(epoch int, step int64, n int) *Checkpoint {
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i) + float32(epoch)/3
	}
	return &Checkpoint{
		Checkpoint:  contract.Checkpoint{Epoch: epoch, Step: step},
		Fingerprint: "abc", KernelSet: "portable",
		State: json.RawMessage(`{"lossSum":0.1}`),
		Tensors: map[string]Tensor{
			"current/weight": {Shape: []int{n}, Data: data},
			"current/bias":   {Shape: []int{2, 1}, Data: []float32{-0.5, 1e-30}},
		},
	}
}

func save(t *testing.T, c *Checkpoints, checkpoints ...*Checkpoint) {
	t.Helper()
	for _, checkpoint := range checkpoints {
		if err := c.Save(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
}

func latest(t *testing.T, c *Checkpoints) (*Checkpoint, []error) {
	t.Helper()
	got, skipped, err := c.Latest()
	if err != nil {
		t.Fatal(err)
	}
	return got, skipped
}

func TestCheckpointRoundTrip(t *testing.T) {
	c := CheckpointsOf(t.TempDir(), testRun)
	if got, skipped := latest(t, c); got != nil || skipped != nil {
		t.Errorf("before the first Save: %v, %v", got, skipped)
	}
	want := checkpoint(3, 30, 7)
	save(t, c, checkpoint(2, 20, 7), want)
	got, skipped := latest(t, c)
	if diff := cmp.Diff(want, got); diff != "" || skipped != nil {
		t.Errorf("checkpoint (-want +got):\n%s\nskipped %v", diff, skipped)
	}
}

func TestKeepsTwoCheckpoints(t *testing.T) {
	output := t.TempDir()
	c := CheckpointsOf(output, testRun)
	// Epochs and steps of different lengths must still sort by number.
	save(t, c, checkpoint(8, 80, 3), checkpoint(9, 999, 3), checkpoint(10, 1000, 3), checkpoint(10, 1001, 3))
	write(t, filepath.Join(c.dir, ".epoch-000011-step-000000001100.json.tmp"), "half")
	save(t, c, checkpoint(11, 1100, 3))
	want := []string{
		"epoch-000010-step-000000001001.json", "epoch-000010-step-000000001001.safetensors",
		"epoch-000011-step-000000001100.json", "epoch-000011-step-000000001100.safetensors",
	}
	if diff := cmp.Diff(want, names(t, c.dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, output); len(got) != 0 {
		t.Errorf("after Remove there are %q", got)
	}
}

func TestRemoveLeavesOtherRuns(t *testing.T) {
	output := t.TempDir()
	mine, other := CheckpointsOf(output, testRun), CheckpointsOf(output, contract.Run{Name: "dogs", UID: "1"})
	save(t, mine, checkpoint(1, 1, 3))
	save(t, other, checkpoint(1, 2, 3))
	if err := mine.Remove(); err != nil {
		t.Fatal(err)
	}
	if got, _ := latest(t, other); got == nil || got.Step != 2 {
		t.Errorf("the other run's checkpoint is %v", got)
	}
}

func TestCorruptCheckpointIsPassedOver(t *testing.T) {
	cases := map[string]struct {
		damage func(t *testing.T, record, tensors string)
		says   string
	}{
		"changed tensors": {func(t *testing.T, _, tensors string) {
			data, err := os.ReadFile(tensors)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)-1] ^= 1
			write(t, tensors, string(data))
		}, "digest"},
		"truncated tensors": {func(t *testing.T, _, tensors string) { write(t, tensors, "") }, "digest"},
		"missing tensors":   {func(t *testing.T, _, tensors string) { remove(t, tensors) }, "no such file"},
		"truncated record":  {func(t *testing.T, record, _ string) { write(t, record, `{"version":`) }, "decode"},
		"other version":     {func(t *testing.T, record, _ string) { write(t, record, `{"version":9}`) }, "version 9"},
		"tensors elsewhere": {func(t *testing.T, record, _ string) {
			write(t, record, `{"version":1,"tensors":{"path":"../../x"}}`)
		}, "outside"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := CheckpointsOf(t.TempDir(), testRun)
			save(t, c, checkpoint(1, 10, 5), checkpoint(2, 20, 5))
			newest := filepath.Join(c.dir, "epoch-000002-step-000000000020")
			tc.damage(t, newest+".json", newest+".safetensors")
			got, skipped := latest(t, c)
			if diff := cmp.Diff(checkpoint(1, 10, 5), got); diff != "" {
				t.Errorf("checkpoint (-want +got):\n%s", diff)
			}
			if len(skipped) != 1 || !strings.Contains(skipped[0].Error(), tc.says) {
				t.Errorf("skipped is %v, want one error that says %q", skipped, tc.says)
			}
		})
	}
}

func TestAllCheckpointsCorrupt(t *testing.T) {
	c := CheckpointsOf(t.TempDir(), testRun)
	save(t, c, checkpoint(1, 10, 5))
	write(t, filepath.Join(c.dir, "epoch-000001-step-000000000010.safetensors"), "")
	if got, skipped := latest(t, c); got != nil || len(skipped) != 1 {
		t.Errorf("got %v, skipped %v", got, skipped)
	}
}

func TestSaveRefusesTensorsThatDoNotFitTheirShape(t *testing.T) {
	c := CheckpointsOf(t.TempDir(), testRun)
	bad := checkpoint(1, 10, 5)
	bad.Tensors["current/weight"] = Tensor{Shape: []int{6}, Data: make([]float32, 5)}
	if err := c.Save(bad); err == nil || !strings.Contains(err.Error(), "current/weight") {
		t.Errorf("got %v, want an error that names the tensor", err)
	}
	if got, skipped := latest(t, c); got != nil || skipped != nil {
		t.Errorf("left are %v, %v", got, skipped)
	}
}

func TestReadSafetensorsRefuses(t *testing.T) {
	file := func(header string, data ...byte) []byte {
		content := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(content, header...), data...)
	}
	cases := map[string][]byte{
		"nothing":            nil,
		"header beyond file": binary.LittleEndian.AppendUint64(nil, 100),
		"huge header":        binary.LittleEndian.AppendUint64(nil, 1<<63),
		"header is no JSON":  file("{"),
		"other type":         file(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)...),
		"data beyond file":   file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 4)...),
		"negative offset":    file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, make([]byte, 4)...),
		"offsets turned":     file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, make([]byte, 4)...),
		"shape too large":    file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4)...),
		"negative shape":     file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, make([]byte, 4)...),
		"overflowing shape":  file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`),
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			if tensors, err := readSafetensors(content); err == nil {
				t.Errorf("read %v", tensors)
			}
		})
	}
}
