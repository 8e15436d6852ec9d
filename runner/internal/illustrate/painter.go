// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package illustrate

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

const (
	// maxSide of a picture in the report, in pixels.
	maxSide = 128
	quality = 85
)

// painter makes pictures as long as there is room for them.
type painter struct {
	run    Run
	left   int // bytes
	pixels []uint8
}

// side is that of the images as the network sees them.
func (p *painter) side() int { return p.run.Network.Config().ImageSize }

func (p *painter) buffer() []uint8 {
	if p.pixels == nil {
		p.pixels = make([]uint8, p.side()*p.side()*preprocess.Channels)
	}
	return p.pixels
}

// paint adds the image of a sample to a picture, unless there is no room left.
func (p *painter) paint(ctx context.Context, picture *report.Picture, sample int) error {
	pixels := p.buffer()
	if err := p.run.Test.Dataset.Pixels(ctx, pixels, sample); err != nil {
		return err
	}
	encoded, err := encode(pixels, p.side())
	if err != nil || len(encoded) > p.left {
		return err
	}
	p.left -= len(encoded)
	picture.JPEG = encoded
	return nil
}

// augmentations draws what each change alone, and then all of them, make of a training image: for each another one.
func (p *painter) augmentations(ctx context.Context) ([]report.Augmentation, error) {
	used := p.run.Augmentation.Alone()
	if len(used) > 1 {
		used = append(used, dataset.NamedAugmentation{Augmentation: p.run.Augmentation})
	}
	train, pixels := p.run.Train, p.buffer()
	var drawn []report.Augmentation
	for n, used := range used {
		shown := report.Augmentation{Name: used.Name}
		sample := train.Indices[n*train.Len()/len(p.run.Augmentation.Alone())%train.Len()]
		for draw := range draws + 1 {
			augmentation := used.Augmentation
			if draw == 0 {
				augmentation = dataset.Augmentation{}
			}
			if err := train.Dataset.Augmented(ctx, pixels, sample, augmentation, uint64(draw)); err != nil {
				return nil, err
			}
			encoded, err := encode(pixels, p.side())
			if err != nil {
				return nil, err
			}
			p.left -= len(encoded)
			shown.JPEGs = append(shown.JPEGs, encoded)
		}
		drawn = append(drawn, shown)
	}
	return drawn, nil
}

// look returns what spoke for the class that an image was taken for; nil if the network can't tell.
func (p *painter) look(ctx context.Context, a answer) (*report.Map, error) {
	loader, err := dataset.NewLoader(dataset.Subset{Dataset: p.run.Test.Dataset, Indices: []int{a.sample}}, dataset.LoaderConfig{BatchSize: 1})
	if err != nil {
		return nil, err
	}
	for batch, err := range loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return nil, err
		}
		input := &tensor.Tensor{Shape: append([]int{1}, p.run.Network.InputShape()...), Data: batch.Images}
		activation, ok := p.run.Network.ActivationMap(input, a.Predicted)
		if !ok {
			return nil, nil
		}
		return &report.Map{Width: activation.Width, Height: activation.Height, Values: levels(activation.Values)}, nil
	}
	return nil, nil
}

// levels scales what is above 0 to 255.
func levels(values []float32) []byte {
	most := max(slices.Max(values), 0)
	scaled := make([]byte, len(values))
	for i, v := range values {
		if v > 0 {
			scaled[i] = byte(255*v/most + 0.5)
		}
	}
	return scaled
}

// encode encodes pixels, RGB of shape [side, side, 3], at a whole fraction of their size that is no larger than maxSide.
func encode(pixels []uint8, side int) ([]byte, error) {
	by := (side + maxSide - 1) / maxSide
	small := side / by
	picture := image.NewRGBA(image.Rect(0, 0, small, small))
	for y := range small {
		for x := range small {
			at := picture.PixOffset(x, y)
			for k := range preprocess.Channels {
				sum := 0
				for dy := range by {
					for dx := range by {
						sum += int(pixels[((y*by+dy)*side+x*by+dx)*preprocess.Channels+k])
					}
				}
				picture.Pix[at+k] = uint8((sum + by*by/2) / (by * by))
			}
			picture.Pix[at+preprocess.Channels] = 0xff
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
