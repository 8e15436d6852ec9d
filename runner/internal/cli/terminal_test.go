// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// On a terminal there is a bar, and Ctrl-C, once, stops the run after a checkpoint and says how to go on.
func TestTerminal(t *testing.T) {
	address := freeAddress(t)
	command := exec.Command(os.Args[0], quick(t.TempDir(), "--epochs=40", "--listen="+address)...)
	command.Env = append(os.Environ(), mainEnv+"=1", "TERM=xterm")
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Rows: 24, Cols: 200})
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	shown := make(chan string, 1)
	go func() {
		var out bytes.Buffer
		_, _ = io.Copy(&out, terminal) // ends with an error when the program does
		shown <- out.String()
	}()
	awaitStep(t, address, 3)
	if _, err := terminal.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // the exit code tells
	_ = terminal.Close()
	rest := <-shown
	if got := command.ProcessState.ExitCode(); got != contract.ExitTerminated {
		t.Errorf("exits %d, want %d", got, contract.ExitTerminated)
	}
	for _, text := range []string{"training epoch ", " · loss ", " · accuracy ", "Stopping; a training writes a checkpoint first.", "The same command goes on from there."} {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("%q is missing at the end of what is shown: %q", text, rest)
		}
		rest = after
	}
}

// With --json there is nothing else on stdout, and the log is JSON too.
func TestJSON(t *testing.T) {
	code, stdout, stderr := runner(quick(t.TempDir(), "--json")...)
	if code != contract.ExitOK {
		t.Fatal(stderr)
	}
	var last map[string]json.RawMessage
	for _, output := range []string{stderr, stdout} {
		for line := range strings.Lines(output) {
			last = nil
			if err := json.Unmarshal([]byte(line), &last); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
	var result contract.TrainResult
	if err := json.Unmarshal(last["result"], &result); err != nil || result.Model == nil {
		t.Errorf("the last line of stdout has no result: %v", err)
	}
}
