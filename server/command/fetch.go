// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	// pullProgram fetches models, so that the server's image stays free of the SDKs of three clouds.
	pullProgram = "runner"
	// pullGrace is how long it has to remove what it has half fetched when the server is stopped.
	pullGrace = 5 * time.Second
	// maxLogLine bounds what is kept of a line that it logs.
	maxLogLine = 64 << 10
)

// fetcher brings a model that lies elsewhere to this machine, by `runner pull`.
type fetcher struct {
	access contract.Access
	log    io.Writer // what the program logs
}

// add adds the flags to those of a command.
func (f *fetcher) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.access.Credentials, "credentials", "", "Credentials `folder` with a file for each credential of the place that the model is fetched from. Empty uses those of the environment.")
	flags.StringVar(&f.access.CABundle, "ca-bundle", "", "PEM `file` with certificates that are trusted besides the public ones when the model is fetched.")
}

// isRemote tells whether a model is named by the URI of a place outside this machine.
func isRemote(model string) bool { return strings.Contains(model, "://") }

// fetch fetches a model and returns its file. One with a digest is kept in the user's cache, where it is found again
// without the network; any other is removed by discard, which is never nil.
func (f *fetcher) fetch(ctx context.Context, uri, sha256 string) (file string, discard func(), err error) {
	discard = func() {}
	if err := contract.CheckRemoteURI(uri); err != nil {
		return "", discard, configError(fmt.Errorf("model.path: %w", err))
	}
	program, err := findPullProgram()
	if err != nil {
		return "", discard, configError(fmt.Errorf("fetch %s: %w", uri, err))
	}
	folder := cacheFolder()
	if sha256 == "" || folder == "" {
		if folder, err = os.MkdirTemp("", "trainyard-model-"); err != nil {
			return "", discard, &exitError{code: contract.ExitTemporary, err: err}
		}
		discard = func() { _ = os.RemoveAll(folder) }
	}
	file = filepath.Join(folder, cmp.Or(sha256, "model")+".onnx")
	return file, discard, f.pull(ctx, program, uri, file, sha256)
}

// findPullProgram looks beside the server's own program, where releases put it, and on the PATH.
func findPullProgram() (string, error) {
	own, err := os.Executable()
	if err == nil {
		beside, err := exec.LookPath(filepath.Join(filepath.Dir(own), pullProgram))
		if err == nil {
			return beside, nil
		}
	}
	found, err := exec.LookPath(pullProgram)
	if err != nil {
		return "", fmt.Errorf("the program %s, which fetches models, is neither in %s nor on the PATH: install it there, or fetch the model elsewhere and name its file by --model",
			pullProgram, filepath.Dir(own))
	}
	return found, nil
}

// cacheFolder is where fetched models are kept, or empty where this user can't keep any.
func cacheFolder() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	folder = filepath.Join(folder, "trainyard", "models")
	if os.MkdirAll(folder, 0o755) != nil {
		return ""
	}
	return folder
}

// pull runs the program. It logs as it goes; its last word, why it failed, becomes the error.
func (f *fetcher) pull(ctx context.Context, program, uri, file, sha256 string) error {
	command := exec.CommandContext(ctx, program, "pull", uri, file, "--sha256", sha256,
		"--credentials", f.access.Credentials, "--ca-bundle", f.access.CABundle, "--log-format", "json")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = pullGrace
	// The server's own configuration is none of the program's.
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, contract.ConfigEnv+"=") })
	stderr, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return &exitError{code: contract.ExitTemporary, err: fmt.Errorf("run %s: %w", program, err)}
	}
	cause := copyLog(f.log, stderr)
	return pullError(program, cause, command.Wait())
}

// copyLog copies the lines that the program logs, and returns its last word. Of a line, it keeps maxLogLine bytes.
func copyLog(log io.Writer, stderr io.Reader) (cause string) {
	for lines := bufio.NewReaderSize(stderr, maxLogLine); ; {
		kept, more, err := lines.ReadLine()
		if err != nil {
			return cause
		}
		line := string(kept)
		for more { // it must be read, or the program waits for somebody who does
			_, more, _ = lines.ReadLine()
		}
		if said, last := strings.CutPrefix(line, pullProgram+": "); last {
			cause = said
		} else {
			fmt.Fprintln(log, line)
		}
	}
}

// pullError gives the server the exit code of what it couldn't do without.
func pullError(program, cause string, err error) error {
	if err == nil {
		return nil
	}
	code := contract.ExitTemporary
	var ended *exec.ExitError
	if errors.As(err, &ended) && (ended.ExitCode() == contract.ExitConfig || ended.ExitCode() == contract.ExitArtifact) {
		code = ended.ExitCode()
	}
	return &exitError{code: code, err: fmt.Errorf("%s pull: %s", program, cmp.Or(cause, err.Error()))}
}
