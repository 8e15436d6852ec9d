// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command serving measures the inference server beside others that serve the same networks: make bench-serving. All run on the same
// cores, which they share with the client, and get the same pictures; their answers are compared first.
//
// In a closed loop, clients ask as soon as they have an answer: that is the highest rate. In an open loop, requests are sent at times that
// a rate prescribes, and latencies count from these times: that is what users of a busy server get.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	var b bench
	only := flag.String("only", "", "comma-separated `names` of the contestants; empty means all, or of --quick four")
	networks := flag.String("networks", "baseline,mobilenetv2", "comma-separated `names` of the networks")
	pictures := flag.String("pictures", "500x375,200x200,4000x3000", "comma-separated `sizes` of the pictures")
	quick := flag.Bool("quick", false, "measure one network and picture for a moment: figures mean nothing")
	mode := flag.String("mode", "compare", "what is measured: compare, limits (CPU quotas; root) or soak")
	duration := flag.Duration("soak", 15*time.Minute, "how long a soak lasts at most")
	flag.StringVar(&b.server, "server", "bin/server", "our `program`")
	flag.StringVar(&b.rust, "rust", "", "the Rust server's `program`")
	flag.StringVar(&b.library, "library", "", "`file` of ONNX Runtime's library")
	flag.StringVar(&b.models, "models", "", "`folder` of the networks")
	flag.StringVar(&b.pictures, "picture-files", "", "`folder` of the pictures")
	flag.StringVar(&b.out, "out", "", "`folder` for logs and the settings that were chosen")
	flag.StringVar(&b.venvs, "venvs", "", "`folder` of the virtual environments")
	flag.StringVar(&b.peers, "peers", "", "`folder` of the peers' scripts")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of the closed loop with the main picture")
	flag.DurationVar(&b.window, "window", 4*time.Second, "how long a closed loop is measured")
	flag.DurationVar(&b.limit, "open-window", 4*time.Second, "how long an open loop is measured")
	flag.DurationVar(&b.overload, "overload", 8*time.Second, "how long three times the rate is sent")
	flag.Parse()
	if *quick {
		b.rounds, b.window, b.limit, b.overload = 1, time.Second, time.Second, 2*time.Second
		*only = cmp.Or(*only, "trainyard,trainyard-int8,fastapi-ort,rust")
		*networks, *pictures = mainNetwork, mainPicture
	}
	b.networks, b.pictureNames = strings.Split(*networks, ","), strings.Split(*pictures, ",")
	b.contestants = contestants()
	if *only != "" {
		names := strings.Split(*only, ",")
		b.contestants = slices.DeleteFunc(b.contestants, func(c *contestant) bool { return !slices.Contains(names, c.key) })
	}
	endOnSignal()
	var err error
	switch *mode {
	case "compare":
		err = b.run()
	case "limits":
		err = b.limits()
	case "soak":
		err = b.soak(*duration)
	default:
		err = fmt.Errorf("--mode %s: is none of compare, limits and soak", *mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-serving:", err)
		os.Exit(1)
	}
}
