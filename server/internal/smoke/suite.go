// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/repeat"
	"github.com/trainyard-dev/trainyard/internal/text"
)

const (
	// roundInterval is the pause between rounds, fullInterval the time between rounds of all checks.
	roundInterval = time.Second
	fullInterval  = time.Minute
	// The pause before a check is tried again doubles from firstPause to longestPause.
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
	// fewestHangs is how often a server that is ready must leave a request unanswered for that to be
	// held against it.
	fewestHangs = 2
)

// Validate reports every field of a configuration that can't be used.
func Validate(config contract.SmokeConfig) error {
	var errs []error
	if len(config.Targets) == 0 {
		errs = append(errs, errors.New("targets: name at least one URL"))
	}
	for _, field := range []struct {
		name string
		urls []string
	}{{"targets", config.Targets}, {"pods", config.Pods}, {"podsBefore", config.PodsBefore}} {
		for _, target := range field.urls {
			if u, err := url.Parse(target); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				errs = append(errs, fmt.Errorf("%s: %q is no URL such as http://server:8080", field.name, target))
			}
		}
	}
	if margin := config.Margin; margin != nil && !(*margin >= 0 && *margin <= 1) {
		errs = append(errs, fmt.Errorf("margin: is %v, must be from 0 to 1", *margin))
	}
	if least := config.MinAgreement; least != nil && !(*least >= 0 && *least <= 1) {
		errs = append(errs, fmt.Errorf("minAgreement: is %v, must be from 0 to 1", *least))
	}
	for _, field := range []struct {
		name         string
		value, least int
	}{
		{"attempts", config.Attempts, 1},
		{"timeoutSeconds", config.TimeoutSeconds, 1},
		{"maxLatencyMillis", config.MaxLatencyMillis, 0},
		{"delaySeconds", config.DelaySeconds, 0},
		{"forSeconds", config.ForSeconds, 0},
		{"minRequests", config.MinRequests, 0},
		{"maxP99IncreasePercent", config.MaxP99IncreasePercent, 0},
	} {
		if field.value < field.least {
			errs = append(errs, fmt.Errorf("%s: is %d, must be at least %d", field.name, field.value, field.least))
		}
	}
	return errors.Join(errs...)
}

// suite is a run of the checks.
type suite struct {
	config contract.SmokeConfig
	http   *http.Client
	// model and live are the samples of the model under test and of the live one; nil if there are none.
	model, live *artifact.Samples
	// pictures are the user's own, without a model's answers unless they came with some.
	pictures *artifact.Samples
	// modelProblem is why the model's samples can't be used although there should be some.
	modelProblem error

	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	patience time.Duration // of one request
	// traffic is what users' requests come to meanwhile; nil in a test that is made once.
	traffic *traffic

	mu      sync.Mutex
	results map[string]*result
	rounds  int
}

// result is a check's result so far, the worst over all targets and rounds.
type result struct {
	contract.SmokeCheck
	// silent: it failed, and no answer that counts was among the causes.
	silent bool
}

// ErrNoVerdict says that checks failed because targets couldn't be reached, and no answer was wrong.
// Test with errors.Is.
var ErrNoVerdict = errors.New("no verdict")

// Run makes the checks that a valid configuration asks for. An error means that they could not be
// made, for a reason that is not the targets', or that there is no verdict: ErrNoVerdict, which comes
// with a report.
func Run(ctx context.Context, config contract.SmokeConfig) (contract.SmokeReport, error) {
	s := &suite{config: config, http: newHTTPClient(), now: time.Now, sleep: repeat.Sleep, patience: requestTimeout, results: map[string]*result{}}
	if err := s.openSamples(ctx); err != nil {
		return contract.SmokeReport{}, err
	}
	return s.run(ctx)
}

// openSamples reads the samples. That the model's own are wrong is the model's fault, and integrity
// fails; that they can't be read, or aren't there yet, is the volume's. That the live model's can't be
// used is not the model's fault either; but judging a candidate by samples that it brought itself
// would let through what they are there to stop, so there is no report.
func (s *suite) openSamples(ctx context.Context) error {
	if c := s.config.Pictures; c != nil {
		set, err := openPictures(ctx, *c)
		if err != nil {
			return fmt.Errorf("the pictures of spec.smoke.samples can't be used: %w", err)
		}
		s.pictures = set
	}
	if c := s.config.Model; c != nil {
		set, err := artifact.OpenSamples(c.Path, c.SHA256)
		var ioErr *fs.PathError
		if errors.As(err, &ioErr) {
			return fmt.Errorf("the model's samples can't be read: %w", err)
		}
		if err != nil {
			s.modelProblem = fmt.Errorf("the model's samples can't be used: %w", err)
		}
		s.model = set
	}
	if c := s.config.Live; c != nil {
		set, err := artifact.OpenSamples(c.Path, c.SHA256)
		if err != nil {
			return fmt.Errorf("the live model's samples can't be used: %w", err)
		}
		s.live = set
	}
	return nil
}

func (s *suite) run(ctx context.Context) (contract.SmokeReport, error) {
	s.beginTraffic(ctx)
	if err := s.sleep(ctx, time.Duration(s.config.DelaySeconds)*time.Second); err != nil {
		return contract.SmokeReport{}, err
	}
	end := s.now().Add(time.Duration(s.config.ForSeconds) * time.Second)
	var nextFull time.Time
	for {
		full := !s.now().Before(nextFull)
		if full {
			nextFull = s.now().Add(fullInterval)
		}
		s.round(ctx, full)
		if err := ctx.Err(); err != nil {
			return contract.SmokeReport{}, fmt.Errorf("stopped before the checks were over: %w", context.Cause(ctx))
		}
		report, silent := s.report()
		if silent {
			return report, fmt.Errorf("%w: %s", ErrNoVerdict, report.Message)
		}
		left := end.Sub(s.now())
		if !report.Passed || left <= 0 && !s.awaitsTraffic() {
			return s.finish(ctx, report), nil
		}
		if left <= 0 {
			left = roundInterval
		}
		if err := s.sleep(ctx, min(left, roundInterval)); err != nil {
			return contract.SmokeReport{}, err
		}
	}
}

// awaitsTraffic tells whether the test goes on, although its time is over, until users have sent more requests.
func (s *suite) awaitsTraffic() bool {
	return s.traffic != nil && s.traffic.awaits(s.config.MinRequests)
}

// finish judges what is judged once, at the end of a test that has passed so far.
func (s *suite) finish(ctx context.Context, report contract.SmokeReport) contract.SmokeReport {
	if !report.Passed || s.traffic == nil || s.traffic.latency == nil {
		return report
	}
	s.traffic.latency.judge(ctx)
	report, _ = s.report()
	return report
}

// visit is one round on one target.
type visit struct {
	*client
	full    bool
	round   int
	answers answers
}

// round makes all checks, or the cheap ones, on every target, unless what users' requests come to fails the test before.
func (s *suite) round(ctx context.Context, full bool) {
	defer func() { s.rounds++ }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if s.traffic != nil {
		if s.traffic.read(ctx); s.traffic.fails() {
			return
		}
		watched := make(chan struct{})
		defer func() { stop(nil); <-watched }()
		go func() {
			defer close(watched)
			s.traffic.watch(ctx, stop)
		}()
	}
	var group errgroup.Group
	group.SetLimit(contract.SmokeTargetsAtATime)
	for _, target := range s.config.Targets {
		c := &client{base: strings.TrimSuffix(target, "/"), http: s.http, patience: s.patience, revision: s.config.Revision}
		v := &visit{client: c, full: full, round: s.rounds, answers: answers{byID: map[sampleID]prediction{}}}
		group.Go(func() error {
			s.visit(ctx, v)
			return nil
		})
	}
	_ = group.Wait() // never an error
}

// visit makes the checks on one target, within the timeout: how many there are doesn't matter. After a
// failure the verdict stands, so the others are tried once, for the report: while a bake fails, users
// see failures too.
func (s *suite) visit(ctx context.Context, v *visit) {
	timeout := time.Duration(s.config.TimeoutSeconds) * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within the %s of a round", timeout))
	defer cancel()
	available, attempts := true, s.config.Attempts
	for _, c := range s.allChecks() {
		if !v.full && !c.cheap {
			continue
		}
		o := skipped("not tried, as the server is not available")
		if available {
			o = s.try(ctx, c, v, attempts)
		}
		if errors.Is(context.Cause(ctx), errLiveFailures) {
			return // the verdict stands, and this check was broken off
		}
		if o.result == contract.CheckFailed {
			attempts = 1
			available = available && c.name != checkAvailability
		}
		s.note(c.name, v.base, o)
	}
}

// try makes a check until it does not fail, at most attempts times. That nothing answers is no fault
// of the server as far as can be told, unless it says in between, and again and again, that it is ready.
func (s *suite) try(ctx context.Context, c check, v *visit, attempts int) outcome {
	pause, hangs := firstPause, 0
	for attempt := 1; ; attempt++ {
		o := c.run(ctx, v)
		if ctx.Err() != nil {
			o = failed("%v", context.Cause(ctx))
			o.silent = true
			return o
		}
		if o.hung && s.availability(ctx, v).result == contract.CheckPassed {
			hangs++
		}
		if o.silent && hangs >= fewestHangs {
			return failed("%s, %d times, while the server says that it is ready", o.message, hangs)
		}
		if o.result != contract.CheckFailed || o.final || attempt >= attempts && (hangs == 0 || !o.silent) {
			return o
		}
		if s.sleep(ctx, pause) != nil {
			return o
		}
		pause = min(2*pause, longestPause)
	}
}

// severity orders results: the report has the worst.
var severity = map[string]int{contract.CheckPassed: 1, contract.CheckSkipped: 2, contract.CheckFailed: 3}

// note merges a result into the report's.
func (s *suite) note(name, target string, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	message := o.message
	if o.result == contract.CheckFailed && len(s.config.Targets) > 1 {
		message = target + ": " + message
	}
	check := checkOf(name, o)
	check.Message = message
	known := s.results[name]
	if known == nil {
		s.results[name] = &result{SmokeCheck: check, silent: o.silent}
		return
	}
	if severity[o.result] > severity[known.Result] || o.result == contract.CheckFailed && known.silent && !o.silent {
		known.Result, known.Message, known.silent = o.result, message, o.silent
	}
	known.LatencyMillis = max(known.LatencyMillis, check.LatencyMillis)
}

// checkOf is an outcome as a report has it.
func checkOf(name string, o outcome) contract.SmokeCheck {
	return contract.SmokeCheck{Name: name, Result: o.result, Message: o.message, LatencyMillis: float64(o.took.Microseconds()) / 1000}
}

// report sums up the rounds so far. It is silent if checks failed, and none by an answer.
func (s *suite) report() (report contract.SmokeReport, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	report = contract.SmokeReport{Version: contract.Version, Rounds: s.rounds, Traffic: s.traffic.report()}
	var failures []contract.SmokeCheck
	var skips []string
	answered := false
	for _, result := range s.allResults() {
		report.Checks = append(report.Checks, result.SmokeCheck)
		switch result.Result {
		case contract.CheckFailed:
			failures = append(failures, result.SmokeCheck)
			answered = answered || !result.silent
		case contract.CheckSkipped:
			skips = append(skips, result.Name)
		}
	}
	report.Passed = len(failures) == 0
	report.Message = fmt.Sprintf("%d checks passed (targets: %d, rounds: %d)", len(report.Checks)-len(skips), len(s.config.Targets), s.rounds)
	if len(skips) > 0 {
		report.Message += "; skipped: " + strings.Join(skips, ", ")
	}
	if !report.Passed {
		report.Message = summarize(failures)
	}
	return report, !report.Passed && !answered
}

// allResults are those of the checks made so far, in their order, and last what users' requests have come to.
func (s *suite) allResults() []result {
	var results []result
	for _, c := range s.allChecks() {
		if known := s.results[c.name]; known != nil {
			results = append(results, *known)
		}
	}
	if s.traffic != nil {
		for _, check := range s.traffic.checks() {
			results = append(results, result{SmokeCheck: check})
		}
	}
	return results
}

// maxSummary bounds a report's message, in bytes. It is what a ModelServer's status keeps.
const maxSummary = 512

// summarize reports each failed check and its cause in at most maxSummary bytes. Checks
// with the same cause share one, and a long cause takes no room from the others.
func summarize(failures []contract.SmokeCheck) string {
	var causes []string
	names := map[string][]string{}
	for _, check := range failures {
		if names[check.Message] == nil {
			causes = append(causes, check.Message)
		}
		names[check.Message] = append(names[check.Message], check.Name)
	}
	const separator = "; "
	var parts []string
	left := maxSummary
	for i, cause := range causes {
		share := left/(len(causes)-i) - len(separator)
		part := text.Clean(fmt.Sprintf("%s failed: %s", strings.Join(names[cause], ", "), cause), share)
		parts = append(parts, part)
		left -= len(part) + len(separator)
	}
	return strings.Join(parts, separator)
}
