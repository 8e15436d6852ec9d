// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// childOutput, in the environment of TestKilledChild, is the folder that it publishes to.
const childOutput = "TRAINYARD_TEST_TRAIN_OUTPUT"

// kills are survived by a run with all that has a state at work; each comes within mostSteps steps of the last one.
const (
	kills     = 20
	mostSteps = 5
)

// killedConfig ends early, after more steps than the kills leave time for.
func killedConfig(output string) contract.TrainConfig {
	cfg := smallConfig(output)
	cfg.Dataset.Augmentation.MixUp.Alpha = 0.2
	cfg.Dataset.Augmentation.RandomResizedCrop.MinScale = 0.5
	cfg.Dataset.Augmentation.RandomErasing.Probability = 0.25
	cfg.Training.Epochs, cfg.Training.LearningRate = 60, 0.01
	cfg.Training.Scheduler.Type = contract.SchedulerOneCycle
	cfg.Training.EMA.Decay, cfg.Training.DivergenceRetries = 0.9, 2
	cfg.Training.EarlyStopping = contract.EarlyStopping{Metric: contract.MetricF1, Patience: kills * mostSteps / 3}
	return cfg
}

// TestKilledChild is the process of another test: before each step it says which it is, and waits to be told to go on.
func TestKilledChild(t *testing.T) {
	output := os.Getenv(childOutput)
	if output == "" {
		t.Skip("the child of another test")
	}
	a := newRun(killedConfig(output)).attempt()
	rate, told := a.rate, bufio.NewReader(os.Stdin)
	a.rate = func(m moment) float64 {
		fmt.Println("step", m.step)
		_, _ = told.ReadByte() // at the end of the file too: then nobody waits
		return rate(m)
	}
	if _, err := a.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// trainInChild runs a child for a number of steps and kills it some time after, or lets it end if steps is 0. It returns the
// step that it began with.
func trainInChild(t *testing.T, output string, steps int, after time.Duration) (first int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.count=1")
	child.Env, child.Stderr = append(os.Environ(), childOutput+"="+output), os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	first = -1
	lines := bufio.NewScanner(out)
	for said := 0; lines.Scan(); {
		step, ok := strings.CutPrefix(lines.Text(), "step ")
		if !ok {
			continue
		}
		if first < 0 {
			first, _ = strconv.Atoi(step)
		}
		_, _ = in.Write([]byte{1})
		if said++; said == steps {
			time.Sleep(after)
			_ = child.Process.Kill()
		}
	}
	if err := child.Wait(); (err != nil) != (steps > 0) {
		t.Fatalf("the child that was to be killed after %d steps, 0 for never, ended with %v", steps, err)
	}
	return first
}

// A run that is killed again and again, in the midst of steps, validation and the writing of checkpoints, publishes what it
// would have published without.
func TestKilledRunIsBitIdentical(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty processes")
	}
	published := func(output string) map[string]string {
		digests := map[string]string{}
		for _, name := range []string{contract.ModelFile, contract.SamplesFile} {
			digest, _, err := artifact.FileDigest(filepath.Join(output, "small-01234567", name))
			if err != nil {
				t.Fatal(err)
			}
			digests[name] = digest
		}
		return digests
	}
	whole := killedConfig(t.TempDir())
	result := mustDo(t, newRun(whole))
	if result.Trained.Epoch >= whole.Training.Epochs {
		t.Errorf("trained %+v: want it to stop early", result.Trained)
	}

	output := t.TempDir()
	random := rand.New(rand.NewPCG(20, 20))
	var began []int
	for range kills {
		steps, after := 1+random.IntN(mostSteps), time.Duration(random.IntN(20_000))*time.Microsecond
		began = append(began, trainInChild(t, output, steps, after))
	}
	began = append(began, trainInChild(t, output, 0, 0))
	t.Logf("%d kills; the processes began with steps %v of %d", kills, began, result.Trained.Step)
	if last := began[kills]; last < 3 {
		t.Errorf("the last process began with step %d, want it to go on from a checkpoint", last)
	}
	if diff := cmp.Diff(published(whole.Output.Path), published(output)); diff != "" {
		t.Errorf("sha256 (-uninterrupted +killed):\n%s", diff)
	}
	if diff := cmp.Diff(historyOf(t, whole), historyOf(t, killedConfig(output))); diff != "" {
		t.Errorf("history (-uninterrupted +killed):\n%s", diff)
	}
}
