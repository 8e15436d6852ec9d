// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
)

// systemPrefix begins the figures that MLflow shows as those of the system.
const systemPrefix = "system/"

const megabyte = 1e6

// sampler records what the process takes of its machine, until it is stopped.
type sampler struct {
	end  chan struct{}
	done chan struct{}
}

// sample starts a sampler for a process that writes below folder.
func sample(folder string, to *spool.Spool, now func() time.Time) *sampler {
	s := &sampler{end: make(chan struct{}), done: make(chan struct{})}
	go s.run(folder, to, now)
	return s
}

// stop ends the sampler; nil has ended.
func (s *sampler) stop() {
	if s == nil {
		return
	}
	select {
	case <-s.end:
	default:
		close(s.end)
	}
	<-s.done
}

func (s *sampler) run(folder string, to *spool.Spool, now func() time.Time) {
	defer close(s.done)
	ticker := time.NewTicker(systemInterval)
	defer ticker.Stop()
	moments := thinned{least: systemInterval / 2}
	before := readUsage(folder)
	for number := int64(1); ; {
		select {
		case <-s.end:
			return
		case <-ticker.C:
		}
		if !moments.take(now()) {
			continue
		}
		usage := readUsage(folder)
		// What doesn't fit, or the disk doesn't take, is no loss to the run.
		_ = to.Append(record{Metrics: finite(usage.metrics(before, now().UnixMilli(), number))}, false)
		before = usage
		number++
	}
}

// usage is what the process has taken up to a moment.
type usage struct {
	at              time.Time
	cpu             time.Duration
	memory          float64 // bytes
	received, sent  float64 // bytes over the network, of all in the pod
	diskUsed        float64
	diskAvailable   float64
	network, volume bool // known
}

func readUsage(folder string) usage {
	u := usage{at: time.Now()}
	var spent syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &spent) == nil {
		u.cpu = time.Duration(spent.Utime.Nano() + spent.Stime.Nano())
	}
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		u.memory = residentBytes(statm)
	}
	if devices, err := os.ReadFile("/proc/net/dev"); err == nil {
		u.received, u.sent = networkBytes(devices)
		u.network = true
	}
	var disk syscall.Statfs_t
	if syscall.Statfs(folder, &disk) == nil {
		block := float64(disk.Bsize)
		u.diskUsed, u.diskAvailable, u.volume = float64(disk.Blocks-disk.Bfree)*block, float64(disk.Bavail)*block, true
	}
	return u
}

// residentBytes reads /proc/self/statm: the second number is the memory in use, in pages.
func residentBytes(statm []byte) float64 {
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize())
}

// networkBytes adds up what the devices of /proc/net/dev, except the one that leads nowhere, have received and sent.
func networkBytes(devices []byte) (received, sent float64) {
	for line := range bytes.Lines(devices) {
		name, counts, ok := strings.Cut(string(line), ":")
		fields := strings.Fields(counts)
		if !ok || strings.TrimSpace(name) == "lo" || len(fields) < 9 {
			continue
		}
		in, _ := strconv.ParseFloat(fields[0], 64)
		out, _ := strconv.ParseFloat(fields[8], 64)
		received, sent = received+in, sent+out
	}
	return received, sent
}

// metrics are the figures since an earlier moment, by the names that MLflow's own client gives them. The load is that of one
// CPU: with two busy ones it is 200.
func (u usage) metrics(before usage, timestamp, number int64) []mlflow.Metric {
	var metrics []mlflow.Metric
	add := func(name string, value float64) {
		metrics = append(metrics, mlflow.Metric{Key: systemPrefix + name, Value: value, Timestamp: timestamp, Step: number})
	}
	if elapsed := u.at.Sub(before.at); elapsed > 0 {
		add("cpu_utilization_percentage", 100*float64(u.cpu-before.cpu)/float64(elapsed))
	}
	if u.memory > 0 {
		add("process_memory_usage_megabytes", u.memory/megabyte)
	}
	if u.network && before.network {
		add("network_receive_megabytes", (u.received-before.received)/megabyte)
		add("network_transmit_megabytes", (u.sent-before.sent)/megabyte)
	}
	if u.volume {
		add("disk_usage_megabytes", u.diskUsed/megabyte)
		add("disk_available_megabytes", u.diskAvailable/megabyte)
	}
	return metrics
}
