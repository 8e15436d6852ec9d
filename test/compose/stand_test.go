// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"cmp"
	"context"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// startLimit is how long a service may take to be healthy on a busy machine: MLflow creates its database first.
const startLimit = 10 * time.Minute

// stand runs services of docker-compose.yml as processes: their commands, environments, mounted files and checks of health are those of the
// file, with addresses and paths of this machine instead of the containers'.
type stand struct {
	t        *testing.T
	folder   string
	services types.Services
	// programs are the files to run, by the names that images have for them.
	programs map[string]string
	// ports are where services listen.
	ports map[string]string
}

func newStand(t *testing.T, programs map[string]string) *stand {
	s := &stand{t: t, folder: t.TempDir(), services: load(t).Services, programs: programs, ports: map[string]string{}}
	for name := range s.services {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // all are taken before one is given back, so that they differ
		_, s.ports[name], err = net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// address is where a service listens.
func (s *stand) address(service string) string { return "127.0.0.1:" + s.ports[service] }

// mounts are the folders and files of this machine that stand in for those of a service's containers.
func (s *stand) mounts(service types.ServiceConfig) map[string]string {
	found := map[string]string{}
	for _, target := range service.Tmpfs {
		found[target] = filepath.Join(s.folder, service.Name, target)
	}
	for _, volume := range service.Volumes {
		found[volume.Target] = filepath.Join(s.folder, service.Name, volume.Target)
		if volume.Type == types.VolumeTypeVolume {
			found[volume.Target] = filepath.Join(s.folder, "volumes", volume.Source) // which services share
		}
	}
	return found
}

// replacer replaces what pairs say, the longest first.
func replacer(pairs map[string]string) *strings.Replacer {
	var list []string
	for _, old := range slices.SortedFunc(maps.Keys(pairs), func(a, b string) int { return cmp.Compare(len(b), len(a)) }) {
		list = append(list, old, pairs[old])
	}
	return strings.NewReplacer(list...)
}

// ownWords translates what a service says of itself: where it listens, and its paths.
func (s *stand) ownWords(service types.ServiceConfig) *strings.Replacer {
	pairs := s.mounts(service)
	pairs["0.0.0.0"] = "127.0.0.1"
	for _, port := range service.Ports {
		pairs[strconv.Itoa(int(port.Target))] = s.ports[service.Name]
	}
	return replacer(pairs)
}

// fileWords translates the files that a service mounts: where others listen, and its paths.
func (s *stand) fileWords(service types.ServiceConfig) *strings.Replacer {
	pairs := s.mounts(service)
	for name, other := range s.services {
		for _, port := range other.Ports {
			pairs[name+":"+strconv.Itoa(int(port.Target))] = s.address(name)
		}
	}
	return replacer(pairs)
}

// mount makes the folders and files of a service.
func (s *stand) mount(service types.ServiceConfig) {
	s.t.Helper()
	targets, words := s.mounts(service), s.fileWords(service)
	for _, volume := range service.Volumes {
		if volume.Type != types.VolumeTypeBind {
			continue
		}
		err := filepath.WalkDir(volume.Source, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			to := targets[volume.Target] + strings.TrimPrefix(path, volume.Source)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			return os.WriteFile(to, []byte(words.Replace(string(data))), 0o644)
		})
		if err != nil {
			s.t.Fatal(err)
		}
		delete(targets, volume.Target)
	}
	for _, folder := range targets {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
}

// command is a command of a service, its first word a program.
func (s *stand) command(ctx context.Context, service types.ServiceConfig, words []string) *exec.Cmd {
	s.t.Helper()
	program, ok := s.programs[words[0]]
	if !ok {
		s.t.Fatalf("service %s runs %s, which the test has no program for", service.Name, words[0])
	}
	own := s.ownWords(service)
	var arguments []string
	for _, word := range words[1:] {
		arguments = append(arguments, own.Replace(word))
	}
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = s.folder
	command.Env = []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH"), "HOME=" + s.folder}
	for key, value := range service.Environment {
		if value != nil {
			command.Env = append(command.Env, key+"="+own.Replace(*value))
		}
	}
	return command
}

// words are the words of a service's command, the first of them the program that entrypoint names unless the command does.
func words(service types.ServiceConfig, entrypoint string) []string {
	if entrypoint == "" {
		return service.Command
	}
	return append([]string{entrypoint}, service.Command...)
}

// run runs a service to its end and returns what it said.
func (s *stand) run(name, entrypoint string) string {
	s.t.Helper()
	service := s.services[name]
	s.mount(service)
	said, err := s.command(s.t.Context(), service, words(service, entrypoint)).CombinedOutput()
	if err != nil {
		s.t.Fatalf("service %s: %v\n%s", name, err, said)
	}
	return string(said)
}

// start starts a service, and returns once its check of health passes.
func (s *stand) start(name, entrypoint string) {
	s.t.Helper()
	service := s.services[name]
	s.mount(service)
	log, err := os.Create(filepath.Join(s.folder, name+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	command := s.command(context.Background(), service, words(service, entrypoint))
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its workers end with it
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // its log says why it ended
		close(ended)
	}()
	s.t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		<-ended
		_ = log.Close()
	})
	s.waitHealthy(service, ended, log.Name())
}

func (s *stand) waitHealthy(service types.ServiceConfig, ended <-chan struct{}, log string) {
	s.t.Helper()
	deadline := time.After(startLimit)
	for {
		said, err := s.command(s.t.Context(), service, service.HealthCheck.Test[1:]).CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-ended:
			s.t.Fatalf("service %s has ended:\n%s", service.Name, tail(log))
		case <-deadline:
			s.t.Fatalf("service %s isn't healthy: %v\n%s\n%s", service.Name, err, said, tail(log))
		case <-time.After(time.Duration(*service.HealthCheck.StartInterval)):
		}
	}
}

// tail is the end of a file.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}
