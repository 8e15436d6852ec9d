// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command datasources measures how long many small files take from an S3 server: by `dvc pull`, and as a run fetches them. It
// kills fetches at random moments, lets the last one run, and counts what was fetched twice. bench.sh builds what it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	dvc, server    string // programs
	files, bytes   int
	rounds, kills  int
	fetch, storeAt string // of the child process that fetches
	credentials    string
}

func main() {
	o := &options{}
	flag.StringVar(&o.dvc, "dvc", "", "DVC's program")
	flag.StringVar(&o.server, "server", "", "program of the S3 server, versitygw")
	flag.IntVar(&o.files, "files", 10_000, "number of files")
	flag.IntVar(&o.bytes, "bytes", 8<<10, "size of each")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, in each of which both take turns")
	flag.IntVar(&o.kills, "kills", 20, "fetches that are killed")
	flag.StringVar(&o.fetch, "fetch", "", "fetch what this repository keeps, and end")
	flag.StringVar(&o.storeAt, "store", "", "folder to fetch into")
	flag.StringVar(&o.credentials, "credentials", "", "folder of credentials to fetch with")
	flag.Parse()
	run := o.measure
	if o.fetch != "" {
		run = o.fetchOnce
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "datasources:", err)
		os.Exit(1)
	}
}

func (o *options) measure(ctx context.Context) error {
	if err := os.Setenv("AWS_REGION", "us-east-1"); err != nil {
		return err
	}
	b, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	jobs, err := b.bestJobs(ctx)
	if err != nil {
		return err
	}
	var theirs, ours, warm, theirProcessor, ourProcessor []float64
	for round := range o.rounds {
		pulled, err := b.pull(ctx, jobs)
		if err != nil {
			return err
		}
		cold, kept, err := b.fetchTwice(ctx)
		if err != nil {
			return err
		}
		theirs, ours, warm = append(theirs, pulled.wall), append(ours, cold.wall), append(warm, kept.wall)
		theirProcessor, ourProcessor = append(theirProcessor, pulled.processor), append(ourProcessor, cold.processor)
		fmt.Printf("round %d: dvc pull --jobs %d %v, ours %v, again from the store %v\n", round+1, jobs, pulled, cold, kept)
	}
	killed, err := b.killAndFinish(ctx, median(ours))
	if err != nil {
		return err
	}
	fmt.Printf("bench-data-sources: files=%d bytes=%d dvc_jobs=%d dvc_s=%s ours_s=%s ratio=%.1f dvc_processor_s=%s ours_processor_s=%s warm_s=%s ",
		o.files, o.bytes, jobs, spread(theirs), spread(ours), median(theirs)/median(ours), spread(theirProcessor), spread(ourProcessor), spread(warm))
	fmt.Printf("kills=%d requests_twice=%d in_flight_most=%d wrong=%d\n", o.kills, killed.twice, o.kills*sideBySide, killed.wrong)
	return nil
}

// sideBySide is how many files are fetched at once, by default.
const sideBySide = 64

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// spread is the median with the least and the most.
func spread(values []float64) string {
	return fmt.Sprintf("%.2f(%.2f-%.2f)", median(values), slices.Min(values), slices.Max(values))
}

// cost is what a program took, in seconds: by the clock, and of processors.
type cost struct{ wall, processor float64 }

// String implements fmt.Stringer.
func (c cost) String() string {
	return fmt.Sprintf("%.1f s (%.1f s of processors)", c.wall, c.processor)
}

// measured runs a program.
func measured(c *exec.Cmd) (cost, error) {
	start := time.Now()
	err := c.Run()
	if c.ProcessState == nil {
		return cost{}, err
	}
	return cost{time.Since(start).Seconds(), (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()}, err
}

// said adds what a program has said to its error.
func said(err error, output []byte) error {
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
}
