// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/measures"
)

const (
	// fewestSamples is how many samples the quality check needs; with fewer it is skipped.
	fewestSamples = 16
	// enoughSamples is how many make its result one to rely on.
	enoughSamples = 64
	// qualityMargin is how far below the score of the samples' own model a candidate may be.
	qualityMargin = 0.10
	// noiseLevel is how likely chance may be to make a model that is as good look as much worse.
	noiseLevel = 0.05
	// rounding of a share doesn't decide.
	rounding = 1e-9
)

// quality: the target classifies samples as they are labeled, about as well as the model that they
// came with. Samples of the live model are preferred: a model could have brought easy ones along.
func (s *suite) quality(ctx context.Context, v *visit) outcome {
	info, _, err := v.modelInfo(ctx)
	if err != nil {
		return failedBy(err)
	}
	set, origin := s.qualitySamples(info.Classes)
	if set == nil {
		return skipped("there are no samples: give labeled pictures of your own in spec.smoke.samples")
	}
	if class := unknownClass(set, info.Classes); class != "" {
		o := failed("%s are of a class %q, which the model doesn't know: its classes are %.256q", origin, class, info.Classes)
		o.final = true
		return o
	}
	n := len(set.Items)
	if n < fewestSamples {
		return skipped("there are %d samples of %s, at least %d are needed", n, origin, fewestSamples)
	}
	if err := v.ask(ctx, set, 0, n, 0); err != nil {
		return failedBy(err)
	}
	right := make([]bool, n)
	took := make([]time.Duration, n)
	for i, item := range set.Items {
		p, _ := v.answers.get(sampleID{set: set, index: i})
		took[i], right[i] = p.took, sameName(p.Class, item.Label)
	}
	caution := ""
	if n < enoughSamples {
		caution = "; so few samples say little"
	}
	score := fmt.Sprintf("%.3f of %d samples of %s right", share(right), n, origin)
	verdict := s.judge(set, right, origin)
	if !verdict.good {
		o := failed("%s, at least %.3f wanted (%s)%s", score, verdict.least, verdict.because, caution)
		o.final = true
		return o
	}
	return passed(median(took), "%s, %.3f wanted (%s)%s", score, max(verdict.least, 0), verdict.because, caution)
}

// verdict is what the answers for samples say of a target.
type verdict struct {
	good    bool
	least   float64 // the share that is to be right
	because string
}

// judge compares the answers, of which these are right, with what is to be expected of a good model.
func (s *suite) judge(set *artifact.Samples, right []bool, origin string) verdict {
	switch {
	case s.config.MinAgreement != nil:
		least := *s.config.MinAgreement
		return verdict{share(right) >= least-rounding, least, "minAgreement"}
	case recorded(set):
		return compare(set, right, origin, s.margin(set))
	case s.config.AllowChance:
		least := guessed(set)
		return verdict{share(right) >= least-rounding, least, fmt.Sprintf("%.3f has who always names the most frequent class", least)}
	default:
		return beyondGuessing(right, guessed(set))
	}
}

// margin is by how much the score on a set may be below that of the set's own model.
func (s *suite) margin(set *artifact.Samples) float64 {
	if set == s.live && s.config.Margin != nil {
		return *s.config.Margin
	}
	return qualityMargin
}

// compare judges by the answers that the samples' own model gave. The margin is what a person may notice; that so few samples
// differ by more than it may still be chance, and a model isn't refused for that.
func compare(set *artifact.Samples, right []bool, origin string, margin float64) verdict {
	before := make([]bool, len(right))
	lost, gained := 0, 0
	for i, item := range set.Items {
		before[i] = set.Classes[classifier.ArgMax(item.Logits)] == item.Label
		switch {
		case before[i] && !right[i]:
			lost++
		case right[i] && !before[i]:
			gained++
		}
	}
	known := share(before)
	v := verdict{least: known - margin, because: fmt.Sprintf("%.3f scored by %s, less %s", known, origin, shown(margin))}
	if v.good = share(right) >= v.least-rounding; v.good {
		return v
	}
	noise := measures.Worsening(lost, gained)
	v.good = noise > noiseLevel
	said := "which chance doesn't explain"
	if v.good {
		said = "which may be chance"
	}
	v.because += fmt.Sprintf("; %d answers are worse and %d better, %s, p = %.2g", lost, gained, said, noise)
	return v
}

// beyondGuessing judges where nothing says how good the model should be: one whose classes are in another order, or whose
// pictures are prepared in another way, guesses.
func beyondGuessing(right []bool, guess float64) verdict {
	n := len(right)
	because := fmt.Sprintf("%.3f has who always names the most frequent class", guess)
	fewest, ok := measures.FewestBeatingGuessing(n, guess)
	if !ok {
		return verdict{share(right) >= guess-rounding, guess, because + "; so few samples can't tell a model from that"}
	}
	return verdict{measures.BeatsGuessing(count(right), n, guess), float64(fewest) / float64(n), because + ", and more is to be told from that with a confidence of 99 %"}
}

// shown is a margin with two decimals, or as many as it has.
func shown(margin float64) string {
	exact := strconv.FormatFloat(margin, 'f', -1, 64)
	if two := fmt.Sprintf("%.2f", margin); len(exact) <= len(two) {
		return two
	}
	return exact
}

func count(right []bool) int {
	n := 0
	for _, ok := range right {
		if ok {
			n++
		}
	}
	return n
}

// share is that of the right answers, of which there is at least one.
func share(right []bool) float64 { return float64(count(right)) / float64(len(right)) }

// qualitySamples returns the samples to judge quality by, and whose they are: the user's own or, without any, live's if the
// target knows each of their classes, else the model's own.
func (s *suite) qualitySamples(classes []string) (set *artifact.Samples, origin string) {
	switch {
	case s.pictures != nil:
		return s.pictures, "spec.smoke.samples"
	case s.live != nil && unknownClass(s.live, classes) == "":
		return s.live, "the live model"
	}
	return s.model, "the model itself"
}

// sameName compares names of classes as people do: é may be one character or two.
func sameName(a, b string) bool { return a == b || norm.NFC.String(a) == norm.NFC.String(b) }
