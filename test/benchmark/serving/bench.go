// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// clients is how many ask at a time in a closed loop.
	clients = 16
	// bearable is the p99 in milliseconds that a rate must hold.
	bearable = 100
	// restTime is how long all wait before a measurement: thread pools of the peers go on spinning for a while.
	restTime = 300 * time.Millisecond
	// mainNetwork and mainPicture are those that all is measured of; of the others, only the highest rate.
	mainNetwork = "baseline"
	mainPicture = "500x375"
)

// shares of its highest rate at which a server's latency is measured.
var shares = []float64{0.1, 0.5, 0.9}

// bench is one run.
type bench struct {
	server, rust, library   string
	models, pictures, out   string
	venvs, peers            string
	contestants             []*contestant
	networks, pictureNames  []string
	rounds                  int
	window, overload, limit time.Duration

	files map[string][]byte // pictures by name
	// faults are of contestants that don't start or answer otherwise. The others are measured all the same.
	faults []error
}

func (b *bench) fault(err error) {
	fmt.Fprintln(os.Stderr, "bench-serving:", err)
	b.faults = append(b.faults, err)
}

func (b *bench) python(venv string) string {
	return filepath.Join(b.venvs, ".venv-bench-"+venv, "bin", "python")
}

func (b *bench) peer(name string) string { return filepath.Join(b.peers, name) }

// figures are what was found of one contestant.
type figures struct {
	*contestant
	setting setting
	started []float64 // milliseconds from the start to the first answer
	disk    int64
	rates   map[string][]float64 // answers a second by network and picture, one for each round
	closed  outcome              // the last round of the main picture
	spent   float64              // milliseconds of processor time an answer
	idle    int64
	loaded  int64
	highest float64 // the highest rate of an open loop with a bearable p99
	levels  []outcome
	flood   outcome
	flooded int64 // memory
	// against are our outcomes at half of this peer's highest rate.
	against map[string]outcome
	probes  map[string]outcome
}

// running is a contestant that runs.
type running struct {
	*figures
	process *process
}

func (b *bench) run() error {
	if err := b.readPictures(); err != nil {
		return err
	}
	all := make([]*figures, len(b.contestants))
	for i, c := range b.contestants {
		disk, err := c.disk(b)
		if err != nil {
			return err
		}
		all[i] = &figures{contestant: c, disk: disk, rates: map[string][]float64{}, against: map[string]outcome{}, probes: map[string]outcome{}}
	}
	if err := b.choose(all); err != nil {
		return err
	}
	for _, network := range b.networks {
		if err := b.measure(network, all); err != nil {
			return err
		}
	}
	b.report(all)
	return errors.Join(b.faults...)
}

func (b *bench) readPictures() error {
	b.files = map[string][]byte{}
	for _, name := range b.pictureNames {
		file, err := os.ReadFile(filepath.Join(b.pictures, name+".jpg"))
		if err != nil {
			return err
		}
		b.files[name] = file
	}
	return nil
}

// main is the picture that most is measured with.
func (b *bench) main() string {
	if slices.Contains(b.pictureNames, mainPicture) {
		return mainPicture
	}
	return b.pictureNames[0]
}

// start starts a contestant with a network.
func (b *bench) start(f *figures, network string, s setting) (*running, error) {
	address, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(b.out, f.key+".log")
	p, err := start(f.launch(b, network, port, s), address, log, f.request(b.files[b.main()]))
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", f.title, s, err)
	}
	return &running{figures: f, process: p}, nil
}

// choose tries the settings of each contestant, unless they were tried before, and remembers the fastest.
func (b *bench) choose(all []*figures) error {
	path := filepath.Join(b.out, "settings.json")
	chosen, err := readSettings(path)
	if err != nil {
		return err
	}
	for _, f := range all {
		if s, known := chosen[f.key]; known || len(f.settings) == 1 {
			f.setting = s
			continue
		}
		best := 0.0
		for _, s := range f.settings {
			r, err := b.start(f, b.networks[0], s)
			if err != nil {
				b.fault(err)
				continue
			}
			request := f.request(b.files[b.main()])
			closedLoop(r.process.address, request, b.window/4)
			o := closedLoop(r.process.address, request, b.window)
			r.process.stop()
			fmt.Printf("%-30s %-30s %7.1f answers/s\n", f.title, s, o.rate())
			if o.rate() > best {
				best, f.setting = o.rate(), s
			}
		}
		if best == 0 {
			continue
		}
		chosen[f.key] = f.setting
		if err := writeSettings(path, chosen); err != nil {
			return err
		}
	}
	return nil
}

// measure measures all contestants with a network.
func (b *bench) measure(network string, all []*figures) (err error) {
	var servers []*running
	defer func() {
		for _, r := range servers {
			r.process.stop()
		}
	}()
	for _, f := range all {
		r, err := b.start(f, network, f.setting)
		if err != nil {
			b.fault(err)
			continue
		}
		servers = append(servers, r)
		if network == mainNetwork {
			time.Sleep(restTime)
			f.started = append(f.started, r.process.started.Seconds()*1e3)
			f.idle = r.process.memory()
		}
	}
	if len(servers) == 0 {
		return errors.Join(b.faults...)
	}
	if err := b.compareAll(network, servers); err != nil {
		b.fault(err)
	}
	for _, picture := range b.pictureNames {
		detailed := network == mainNetwork && picture == b.main()
		rounds := 1
		if detailed {
			rounds = b.rounds
		}
		for round := range rounds {
			for _, r := range servers {
				b.closed(r, network, picture, round == 0, detailed)
			}
		}
	}
	if network != mainNetwork {
		return nil
	}
	for _, r := range servers {
		b.open(r)
	}
	b.meetPeers(servers)
	return nil
}

// compareAll holds all answers against those of our server with float32, or of the first.
func (b *bench) compareAll(network string, servers []*running) error {
	reference := servers[0]
	if i := slices.IndexFunc(servers, func(r *running) bool { return r.key == "trainyard" }); i >= 0 {
		reference = servers[i]
	}
	var errs []error
	for _, picture := range b.pictureNames {
		want, err := answerOf(reference.process.address, reference.request(b.files[picture]))
		if err != nil {
			return fmt.Errorf("%s: %w", reference.title, err)
		}
		most := 0.0
		for _, r := range servers {
			got, err := answerOf(r.process.address, r.request(b.files[picture]))
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", r.title, err))
				continue
			}
			errs = append(errs, compare(r.contestant, picture, want, got))
			if !r.int8 {
				most = max(most, want.distance(got))
			}
		}
		fmt.Printf("%s, %s: all answer %s, float32 within %.4f of %.4f\n", network, picture, want.Class, most, want.Probabilities[want.Class])
	}
	return errors.Join(errs...)
}

// closed measures a round of a closed loop.
func (b *bench) closed(r *running, network, picture string, first, detailed bool) {
	request := r.request(b.files[picture])
	time.Sleep(restTime)
	if first {
		closedLoop(r.process.address, request, b.window/4)
	}
	memory := func() int64 { return 0 }
	if detailed {
		memory = r.process.watchMemory()
	}
	before := r.process.processor()
	o := closedLoop(r.process.address, request, b.window)
	spent := r.process.processor() - before
	key := network + "_" + picture
	r.rates[key] = append(r.rates[key], o.rate())
	fmt.Printf("%-11s %-9s %-30s %7.1f answers/s  p50 %.1f ms  p99 %.1f ms  refused: %s\n", network, picture, r.title, o.rate(), o.quantile(0.5), o.quantile(0.99), o.refusals())
	if detailed {
		r.closed, r.spent, r.loaded = o, spent.Seconds()*1e3/float64(max(1, len(o.latencies))), max(r.loaded, memory())
	}
}

// fractions of the rate of the closed loop that are tried as the highest rate of an open one.
var fractions = []float64{0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05}

// held is the highest rate of an open loop with a bearable p99, of the fractions of a closed loop's.
func (b *bench) held(r *running, request []byte, top float64) float64 {
	low, high := -1, len(fractions)
	for high-low > 1 {
		middle := (low + high) / 2
		time.Sleep(restTime)
		o := openLoop(r.process.address, request, fractions[middle]*top, b.limit)
		if o.quantile(0.99) < bearable && o.bad() < 0.01 {
			low = middle
		} else {
			high = middle
		}
	}
	if low < 0 {
		return 0
	}
	return fractions[low] * top
}

// open measures open loops: the highest rate with a bearable p99, latencies below it, and three times what the server can do.
func (b *bench) open(r *running) {
	request, top := r.request(b.files[b.main()]), median(r.rates[mainNetwork+"_"+b.main()])
	r.highest = b.held(r, request, top)
	fmt.Printf("%-30s %7.1f requests/s with a p99 below %d ms\n", r.title, r.highest, bearable)
	for _, share := range shares {
		time.Sleep(restTime)
		o := openLoop(r.process.address, request, max(1, share*r.highest), b.limit)
		r.levels = append(r.levels, o)
		fmt.Printf("%-30s at %2.0f %%: p50 %.1f ms  p99 %.1f ms  refused: %s\n", r.title, 100*share, o.quantile(0.5), o.quantile(0.99), o.refusals())
	}
	time.Sleep(restTime)
	memory := r.process.watchMemory()
	r.flood = openLoop(r.process.address, request, 3*top, b.overload)
	r.flooded = memory()
	fmt.Printf("%-30s at three times its rate: %.1f answers/s  p99 %.1f ms  refused: %s  %d MB\n", r.title, r.flood.rate(), r.flood.quantile(0.99), r.flood.refusals(), r.flooded/1e6)
	if r.ours() {
		b.probe(r, request)
	}
}

// probe asks what answers operators while the server is as busy as it can be.
func (b *bench) probe(r *running, request []byte) {
	done := make(chan outcome)
	go func() { done <- closedLoop(r.process.address, request, b.overload) }()
	for _, path := range []string{"/health", "/metrics"} {
		o := openLoop(r.process.address, requestOf("GET", path, "", nil), 40, b.overload/2-restTime)
		r.probes[path] = o
		fmt.Printf("%-30s %s while saturated: p50 %.1f ms  p99 %.1f ms  refused: %s\n", r.title, path, o.quantile(0.5), o.quantile(0.99), o.refusals())
	}
	<-done
}

// meetPeers measures ours at half of the highest rate of each peer of the same precision.
func (b *bench) meetPeers(servers []*running) {
	for _, us := range servers {
		if !us.ours() {
			continue
		}
		for _, peer := range servers {
			if peer.ours() || peer.int8 != us.int8 || peer.highest == 0 {
				continue
			}
			time.Sleep(restTime)
			peer.against[us.key] = openLoop(us.process.address, us.request(b.files[b.main()]), peer.highest/2, b.limit)
		}
	}
}
