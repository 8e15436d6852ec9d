// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// The one red spot of a bluish picture is what speaks against blue, and the rest for it.
func TestExplain(t *testing.T) {
	const side = 64
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		picture.Set(i%side, i/side, servingtest.Blue)
	}
	for i := range 16 * 16 {
		picture.Set(i%16, i/16, servingtest.Red)
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		t.Fatal(err)
	}
	config := testConfig()
	config.DrainDelay, config.Limits.MaxPixels = 0, side*side
	s := start(t, config, loads(&servingtest.Predictor{}), newCaller())
	for s.State() != Ready {
		time.Sleep(time.Millisecond)
	}
	place, err := s.Admit()
	if err != nil {
		t.Fatal(err)
	}
	defer place.Release()
	got, err := place.Explain(t.Context(), encoded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Class != 1 || got.Side != explainSide || len(got.Drops) != explainSide*explainSide {
		t.Fatalf("explanation = %+v", got)
	}
	if least := slices.Index(got.Drops, slices.Min(got.Drops)); least%explainSide > 1 || least/explainSide > 1 {
		t.Errorf("what speaks against blue is found at place %d: %v", least, got.Drops)
	}
	if middle := got.Drops[explainSide*explainSide/2+explainSide/2]; middle <= 0 {
		t.Errorf("hiding blue changes the probability of blue by %v", -middle)
	}
	s.explaining <- struct{}{}
	if _, err := place.Explain(t.Context(), encoded.Bytes()); err != errExplaining { //nolint:errorlint // the very one
		t.Errorf("while another is explained: %v", err)
	}
	<-s.explaining
	if _, err := place.Explain(t.Context(), []byte("none")); err == nil {
		t.Error("no picture: no error")
	}
}
