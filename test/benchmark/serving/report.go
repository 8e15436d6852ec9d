// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// spread is how far the figures of rounds are from their median at most, as a share of it.
func spread(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	middle := median(figures)
	if middle == 0 {
		return 0
	}
	return max(slices.Max(figures)-middle, middle-slices.Min(figures)) / middle
}

// processorName returns the CPU's name and whether it has AVX-512 VNNI.
func processorName() (name string, vnni bool) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown", false
	}
	for line := range strings.Lines(string(data)) {
		if word, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(word) == "model name" {
			name = strings.TrimSpace(value)
		}
	}
	return name, strings.Contains(string(data), "avx512_vnni")
}

// report prints the tables and the line of figures.
func (b *bench) report(all []*figures) {
	name, vnni := processorName()
	fmt.Printf("\n%s, AVX-512 VNNI: %t, %d cores, shared with the client; %d rounds of %s\n\n", name, vnni, runtime.NumCPU(), b.rounds, b.window)
	if slices.Contains(b.networks, mainNetwork) {
		printMain(all, b.main())
		fmt.Println()
	}
	b.printRates(all)
	line := []string{fmt.Sprintf("cores=%d vnni=%t", runtime.NumCPU(), vnni)}
	line = append(line, b.words(all)...)
	fmt.Printf("\nbench-serving: %s\n", strings.Join(line, " "))
}

func latencies(o *outcome) string {
	return fmt.Sprintf("%.0f / %.0f", o.quantile(0.5), o.quantile(0.99))
}

// printMain prints what was measured of the main network and picture.
func printMain(all []*figures, picture string) {
	fmt.Println("| server | answers/s | held with p99 < 100 ms | p50 / p99 ms at 10 % | 50 % | 90 % | 3× its rate: answers/s, p99 ms | refused | CPU ms an answer | MB idle / loaded / 3× | start ms | MB on disk | setting |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, f := range all {
		if len(f.levels) == 0 { // it doesn't run
			continue
		}
		levels := make([]string, len(shares))
		for i := range f.levels {
			levels[i] = latencies(&f.levels[i])
		}
		rates := f.rates[mainNetwork+"_"+picture]
		fmt.Printf("| %s | %.0f ± %.0f %% | %.0f | %s | %.0f, %.0f | %s | %.1f | %d / %d / %d | %.0f | %d | %s |\n", f.title, median(rates), 100*spread(rates), f.highest,
			strings.Join(levels, " | "), f.flood.rate(), f.flood.quantile(0.99), f.flood.refusals(), f.spent,
			f.idle/1e6, f.loaded/1e6, f.flooded/1e6, median(f.started), f.disk/1e6, f.setting)
	}
}

// printRates prints the highest rates of all networks and pictures.
func (b *bench) printRates(all []*figures) {
	columns := []string{"answers/s"}
	for _, network := range b.networks {
		for _, picture := range b.pictureNames {
			columns = append(columns, network+" "+picture)
		}
	}
	fmt.Printf("| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, f := range all {
		row := []string{f.title}
		for _, network := range b.networks {
			for _, picture := range b.pictureNames {
				row = append(row, fmt.Sprintf("%.1f", median(f.rates[network+"_"+picture])))
			}
		}
		fmt.Printf("| %s |\n", strings.Join(row, " | "))
	}
}

// words are the figures as key=value.
func (b *bench) words(all []*figures) []string {
	var words []string
	add := func(key, format string, value any) { words = append(words, fmt.Sprintf("%s="+format, key, value)) }
	for _, f := range all {
		key := strings.ReplaceAll(f.key, "-", "_")
		for _, network := range b.networks {
			for _, picture := range b.pictureNames {
				add(fmt.Sprintf("%s_%s_%s_rate", key, network, picture), "%.1f", median(f.rates[network+"_"+picture]))
			}
		}
		if len(f.levels) == 0 {
			continue
		}
		add(key+"_held", "%.1f", f.highest)
		for i, share := range shares {
			add(fmt.Sprintf("%s_p99_at_%.0f", key, 100*share), "%.1f", f.levels[i].quantile(0.99))
		}
		add(key+"_p99_closed", "%.1f", f.closed.quantile(0.99))
		add(key+"_p99_flooded", "%.1f", f.flood.quantile(0.99))
		add(key+"_cpu_ms", "%.2f", f.spent)
		add(key+"_idle_mb", "%d", f.idle/1e6)
		add(key+"_loaded_mb", "%d", f.loaded/1e6)
		add(key+"_start_ms", "%.0f", median(f.started))
		add(key+"_disk_mb", "%d", f.disk/1e6)
		for path, o := range f.probes {
			add(key+"_"+strings.Trim(path, "/")+"_p99", "%.1f", o.quantile(0.99))
		}
	}
	return append(words, b.ratios(all)...)
}

// ratios are our rates over those of the peers, and our p99 at half of a peer's highest rate over its own.
func (b *bench) ratios(all []*figures) []string {
	var words []string
	for _, us := range all {
		if !us.ours() {
			continue
		}
		for _, peer := range all {
			// Ours with 8 bits stand against the peers of float32 too: most of them know nothing else.
			if peer.ours() || !us.int8 && peer.int8 {
				continue
			}
			pair := strings.ReplaceAll(us.key+"_vs_"+peer.key, "-", "_")
			for _, network := range b.networks {
				key := network + "_" + b.main()
				if theirs := median(peer.rates[key]); theirs > 0 {
					words = append(words, fmt.Sprintf("%s_%s=%.2f", pair, network, median(us.rates[key])/theirs))
				}
			}
			if o, met := peer.against[us.key]; met {
				words = append(words, fmt.Sprintf("%s_p99_at_half=%.2f", pair, o.quantile(0.99)/peer.levels[1].quantile(0.99)))
			}
		}
	}
	return words
}
