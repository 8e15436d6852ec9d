// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/tell"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Reasons of a rejection are the operator's.
const (
	smokeFailed        = "SmokeFailed"
	noBetterThanChance = "NoBetterThanChance"
)

// badEffort makes the same bad model whatever the good one is made of.
var badEffort = effort.Effort{ImageSize: 64, Epochs: 1}

// predict asks the server what is on a picture, and for its page.
func (s *story) predict(ctx context.Context) error {
	file := s.picture
	if file == "" {
		var err error
		if file, err = tell.UnseenPicture(ctx, s.dir, s.effort.ImageSize); err != nil {
			return err
		}
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	fmt.Printf("$ curl --data-binary @%s %s%s\n", file, s.live.url, contract.PredictPath)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.live.url+contract.PredictPath, bytes.NewReader(picture))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", http.DetectContentType(picture))
	answer, err := do(request)
	if err != nil {
		return err
	}
	fmt.Println(string(bytes.TrimSpace(answer)))
	page, err := s.live.get(ctx, "/", "text/html")
	if err != nil {
		return err
	}
	if !bytes.Contains(page, []byte("<!doctype html>")) {
		return fmt.Errorf("%s/ answers a browser with no page: %.200s", s.live.url, page)
	}
	fmt.Printf("   In a browser %s/ is a page that takes a picture, while this goes on.\n", s.live.url)
	return nil
}

// rollOutBadModel trains on random labels, tries that model beside the live one, and rejects it, while a prober asks the live one.
func (s *story) rollOutBadModel(ctx context.Context) error {
	probing, stop := context.WithCancel(ctx)
	defer stop()
	prober, err := probe.Start(probing, probe.Config{URL: s.live.url, Interval: 20 * time.Millisecond, Timeout: 30 * time.Second, Pooled: 1})
	if err != nil {
		return err
	}
	if s.bad, err = s.learn(ctx, badRun, badEffort, "--samples-per-class=100", "--label-noise-percent=100"); err != nil {
		return err
	}
	if s.reason, s.message, err = s.judge(ctx); err != nil {
		return err
	}
	if s.reason == "" {
		return errors.New("the bad model was not rejected")
	}
	fmt.Println("   rejected:", s.reason+":", s.message)
	stop()
	prober.Wait()
	s.probed, err = prober.Report()
	return err
}

// judge says why the bad model isn't to replace the live one. With pictures of others than it was drawn for there is little to
// compare in a smoke test, and its run's own verdict decides, as promotion.chance has it in a cluster.
func (s *story) judge(ctx context.Context) (reason, message string, err error) {
	if s.data != "" {
		if message := s.bad.noBetter(); message != "" {
			return noBetterThanChance, message, nil
		}
	}
	candidate, err := s.start(ctx, s.bad, "candidate")
	if err != nil {
		return "", "", err
	}
	report, err := s.smoke(ctx, candidate, &s.good)
	if err = errors.Join(err, candidate.stop()); err != nil || report.Passed {
		return "", "", err
	}
	return smokeFailed, report.Message, nil
}

// more is what a cluster has of this.
const more = `
In a cluster the operator does all that by itself (make demo, as root): kubectl apply a TrainingRun and a ModelServer. A Job trains, a Service
leads to the live model and switches to the next in one write, a bake watches it and switches back by itself, and what fails is remembered.
`

// sumUp shows what there is and says whether the story held what it promises.
func (s *story) sumUp() error {
	tell.Title("What there is now")
	for _, m := range []model{s.good, s.bad} {
		fmt.Printf("%s  accuracy %.4f  %s\n", m.revision(), m.accuracy(), m.file(contract.ModelFile))
	}
	fmt.Print(more)
	s.tellNext()
	summary := tell.Summary{
		Runs: "run", Accuracy: s.good.accuracy(), MinAccuracy: s.minAccuracy,
		Live:     tell.Revision{Name: s.live.model.revision(), Run: s.live.model.run},
		Rejected: tell.Revision{Name: s.bad.revision(), Run: s.bad.run},
		Reason:   s.reason, Message: s.message, Probed: s.probed,
	}
	summary.Tell(os.Stdout)
	if err := s.answeredByLiveAlone(); err != nil {
		return err
	}
	return summary.Check(goodRun)
}

// tellNext says what to try.
func (s *story) tellNext() {
	fmt.Printf(`
Try next:
  %s            # the report, in a browser
  make serve MODEL=%s
  make demo DATA=<folder of class folders>                      # your own pictures
  docs/quickstart.md                                            # the first quarter of an hour

`, s.good.file("report/report.html"), s.good.file(contract.ModelFile))
}

// answeredByLiveAlone fails if another model than the live one has answered users' requests.
func (s *story) answeredByLiveAlone() error {
	for _, seen := range []map[string]probe.Seen{s.probed.Fresh.Answers, s.probed.Pooled.Answers} {
		for revision := range seen {
			if revision != s.live.model.revision() {
				return fmt.Errorf("%s has answered requests, want %s alone", revision, s.live.model.revision())
			}
		}
	}
	return nil
}
