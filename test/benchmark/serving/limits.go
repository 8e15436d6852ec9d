// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// quotas are the CPUs that a container gets.
var quotas = []float64{0.5, 1, 2}

// period is the time in microseconds in which a quota is used up.
const period = 100_000

// cgroup is a control group that bounds the processor time of a server.
type cgroup struct{ folder string }

// newCgroup makes a group with a quota, by the second version of cgroups or the first, whichever has the processors.
func newCgroup(name string, quota float64) (*cgroup, error) {
	limit := strconv.Itoa(int(quota * period))
	folder, file, value := filepath.Join("/sys/fs/cgroup", name), "cpu.max", fmt.Sprintf("%s %d", limit, period)
	if controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control"); err != nil || !strings.Contains(string(controllers), "cpu") {
		folder, file, value = filepath.Join("/sys/fs/cgroup/cpu", name), "cpu.cfs_quota_us", limit
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !os.IsExist(err) {
		return nil, fmt.Errorf("make a control group (as root, where cgroups have the CPU controller): %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, file), []byte(value), 0o600); err != nil {
		return nil, err
	}
	return &cgroup{folder: folder}, nil
}

// enter makes a command start in the group.
func (g *cgroup) enter(command *exec.Cmd) {
	script := `echo $$ > "$0" && exec "$@"`
	command.Args = append([]string{"sh", "-c", script, filepath.Join(g.folder, "cgroup.procs"), command.Path}, command.Args[1:]...)
	command.Path = "/bin/sh"
}

// throttled counts the periods in which the group had to wait, of all in which it ran.
func (g *cgroup) throttled() (waited, all int) {
	data, _ := os.ReadFile(filepath.Join(g.folder, "cpu.stat"))
	for line := range strings.Lines(string(data)) {
		_, _ = fmt.Sscanf(line, "nr_throttled %d", &waited)
		_, _ = fmt.Sscanf(line, "nr_periods %d", &all)
	}
	return waited, all
}

func (g *cgroup) remove() { _ = os.Remove(g.folder) }

// limits measures servers in containers: ours, and ONNX Runtime with its defaults, which takes a thread for each core of the host.
func (b *bench) limits() error {
	if err := b.readPictures(); err != nil {
		return err
	}
	fmt.Println("| server | CPUs | answers/s | p50 / p99 ms | held with p99 < 100 ms | periods throttled | start ms |")
	fmt.Println("|---|---|---|---|---|---|---|")
	var line []string
	for _, quota := range quotas {
		for _, c := range b.contestants {
			words, err := b.limited(c, quota)
			if err != nil {
				return err
			}
			line = append(line, words)
		}
	}
	fmt.Printf("bench-serving-limits: %s\n", strings.Join(line, " "))
	return nil
}

// limited measures one server with one quota.
func (b *bench) limited(c *contestant, quota float64) (string, error) {
	group, err := newCgroup("trainyard-bench-serving", quota)
	if err != nil {
		return "", err
	}
	defer group.remove()
	address, port, err := freeAddress()
	if err != nil {
		return "", err
	}
	command := c.launch(b, mainNetwork, port, setting{})
	group.enter(command)
	request := c.request(b.files[b.main()])
	p, err := start(command, address, filepath.Join(b.out, c.key+".log"), request)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.title, err)
	}
	defer p.stop()
	closedLoop(address, request, b.window/2)
	waited, periods := group.throttled()
	o := closedLoop(address, request, b.window)
	waitedAfter, periodsAfter := group.throttled()
	r := &running{figures: &figures{contestant: c, rates: map[string][]float64{mainNetwork + "_" + b.main(): {o.rate()}}}, process: p}
	held := b.held(r, request, o.rate())
	fmt.Printf("| %s | %g | %.1f | %.0f / %.0f | %.1f | %d of %d | %.0f |\n", c.title, quota, o.rate(), o.quantile(0.5), o.quantile(0.99), held,
		waitedAfter-waited, periodsAfter-periods, p.started.Seconds()*1e3)
	key := fmt.Sprintf("%s_%g", strings.ReplaceAll(c.key, "-", "_"), quota)
	time.Sleep(restTime)
	return fmt.Sprintf("%s_rate=%.1f %s_p99=%.1f %s_held=%.1f", key, o.rate(), key, o.quantile(0.99), key, held), nil
}
