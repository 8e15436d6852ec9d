// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"bytes"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func history(epochs int) []Epoch {
	points := make([]Epoch, epochs)
	for i := range points {
		decay := math.Exp(-float64(i) / 6)
		wobble := 0.02 * math.Sin(float64(7*i))
		points[i] = Epoch{
			TrainLoss: 0.1 + 0.6*decay, TrainAccuracy: 0.97 - 0.4*decay,
			ValidationLoss: 0.18 + 0.5*decay + wobble, ValidationAccuracy: 0.94 - 0.38*decay - wobble,
		}
	}
	return points
}

func matrix(classes int) ([]string, [][]int) {
	names, counts := make([]string, classes), make([][]int, classes)
	for i := range counts {
		names[i] = "a class " + string(rune('a'+i%26))
		counts[i] = make([]int, classes)
		for j := range counts[i] {
			counts[i][j] = (i*7 + j*3) % 5
		}
		counts[i][i] = 60
	}
	return names, counts
}

// pictures are drawn by several tests. Set TRAINYARD_KEEP_PICTURES to a folder to look at them.
func pictures() map[string]func(io.Writer) error {
	draw := map[string]func(io.Writer) error{
		"confusion-2": func(w io.Writer) error {
			return ConfusionMatrix(w, []string{"cat", "dog"}, [][]int{{473, 27}, {41, 459}})
		},
		"confusion-empty-class": func(w io.Writer) error {
			return ConfusionMatrix(w, []string{"a class with a very long name", "dog"}, [][]int{{0, 0}, {4, 9}})
		},
		"curves-1":  func(w io.Writer) error { return TrainingCurves(w, history(1), 1) },
		"curves-12": func(w io.Writer) error { return TrainingCurves(w, history(12), 11) },
		"curves-90": func(w io.Writer) error { return TrainingCurves(w, history(90), 70) },
		"curves-diverged": func(w io.Writer) error {
			points := history(4)
			points[2].TrainLoss, points[3] = math.Inf(1), Epoch{TrainLoss: math.NaN(), ValidationLoss: math.NaN()}
			return TrainingCurves(w, points, 4)
		},
	}
	lines := make([]Line, MaxLines)
	for i := range lines {
		lines[i].Name = "a class with a very long name"
		for x := range 21 {
			share := float64(x) / 20
			lines[i].X, lines[i].Y = append(lines[i].X, share), append(lines[i].Y, math.Pow(share, 0.1*float64(i+1)))
		}
	}
	draw["shares-1"] = func(w io.Writer) error {
		return Shares(w, SharesPlot{Title: "Calibration", X: "confidence", Y: "accuracy", Lines: lines[:1], Diagonal: true, Dots: true})
	}
	draw["shares-8"] = func(w io.Writer) error {
		return Shares(w, SharesPlot{Title: "ROC", X: "false positive rate", Y: "recall", Lines: lines, Diagonal: true})
	}
	for name, classes := range map[string]int{"confusion-10": 10, "confusion-40": 40} {
		draw[name] = func(w io.Writer) error {
			names, counts := matrix(classes)
			return ConfusionMatrix(w, names, counts)
		}
	}
	return draw
}

func TestSameFiguresGiveTheSameBytes(t *testing.T) {
	for _, name := range []string{"confusion-2", "curves-12"} {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := pictures()[name](b); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s differs from one drawing to the next", name)
		}
	}
}

func TestPicturesShowSomething(t *testing.T) {
	for name, draw := range pictures() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := draw(&b); err != nil {
				t.Fatal(err)
			}
			file := bytes.Clone(b.Bytes())
			img, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			colors := map[any]bool{}
			for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
				for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
					colors[img.At(x, y)] = true
				}
			}
			if len(colors) < 3 {
				t.Errorf("picture of %v has %d colors only", img.Bounds(), len(colors))
			}
			if dir := os.Getenv("TRAINYARD_KEEP_PICTURES"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".png"), file, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A rate that a scheduler changes has a panel of its own.
func TestTheLearningRateIsDrawn(t *testing.T) {
	width := func(rate float64) int {
		epochs := make([]Epoch, 12)
		for i := range epochs {
			left := 1 - float64(i)/12
			epochs[i] = Epoch{TrainLoss: left, ValidationLoss: left, TrainAccuracy: 1 - left, ValidationAccuracy: 1 - left, LearningRate: rate * left}
		}
		var b bytes.Buffer
		if err := TrainingCurves(&b, epochs, 12); err != nil {
			t.Fatal(err)
		}
		if dir := os.Getenv("TRAINYARD_KEEP_PICTURES"); dir != "" && rate > 0 {
			if err := os.WriteFile(filepath.Join(dir, "rate.png"), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		return img.Bounds().Dx()
	}
	if without, with := width(0), width(0.001); 2*with != 3*without {
		t.Errorf("the picture is %d pixels wide, %d with the learning rate, want half as much again", without, with)
	}
}

func TestRefusesWhatCannotBeDrawn(t *testing.T) {
	cases := map[string]func(io.Writer) error{
		"no classes":     func(w io.Writer) error { return ConfusionMatrix(w, nil, nil) },
		"missing row":    func(w io.Writer) error { return ConfusionMatrix(w, []string{"a", "b"}, [][]int{{1, 2}}) },
		"missing column": func(w io.Writer) error { return ConfusionMatrix(w, []string{"a", "b"}, [][]int{{1, 2}, {3}}) },
		"no epochs":      func(w io.Writer) error { return TrainingCurves(w, nil, 1) },
		"best beyond":    func(w io.Writer) error { return TrainingCurves(w, history(3), 4) },
		"best is zero":   func(w io.Writer) error { return TrainingCurves(w, history(3), 0) },
		"writer fails":   func(io.Writer) error { return TrainingCurves(failingWriter{}, history(3), 1) },
	}
	for name, draw := range cases {
		t.Run(name, func(t *testing.T) {
			if err := draw(io.Discard); err == nil {
				t.Error("no error")
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWholeTicks(t *testing.T) {
	for most, want := range map[float64]int{1.5: 1, 10.5: 10, 90.5: 9, 1000.5: 10} {
		ticks := wholeTicks{}.Ticks(0.5, most)
		if len(ticks) != want {
			t.Errorf("up to %v: %d ticks, want %d", most, len(ticks), want)
		}
	}
}
