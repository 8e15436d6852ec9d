// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// channels is the number of color channels of the input.
const channels = 3

// Config says which network to build.
type Config struct {
	// Architecture is one of contract.Architectures().
	Architecture string
	// Classes is the number of classes, at least 2.
	Classes int
	// ImageSize is the side of the square input images in pixels.
	ImageSize int
	// Dropout is the probability with which a feature is dropped before the classifier, in [0, 1).
	Dropout float64
	// Seed determines the initial weights and the dropout masks.
	Seed uint64
	// Threads is the number of threads that compute; 0 means one per CPU. It does not change results.
	Threads int
}

// architectures maps each name to the layers of its network.
var architectures = map[string]func(Config) []nn.Layer{
	contract.ArchitectureBaselineCNN: baselineCNN,
	contract.ArchitectureSimpleCNN:   simpleCNN,
}

// New returns a network of the configured architecture with initial weights drawn from the seed.
func New(config Config) (*Network, error) {
	build, ok := architectures[config.Architecture]
	if !ok {
		return nil, fmt.Errorf("unknown architecture %q: use one of %s", config.Architecture, strings.Join(contract.Architectures(), ", "))
	}
	if config.Classes < 2 {
		return nil, fmt.Errorf("classes is %d: a classifier needs at least 2", config.Classes)
	}
	if config.ImageSize < 1 {
		return nil, fmt.Errorf("image size is %d: it must be at least 1 pixel", config.ImageSize)
	}
	if !(config.Dropout >= 0 && config.Dropout < 1) {
		return nil, fmt.Errorf("dropout is %v: it must be in [0, 1)", config.Dropout)
	}
	network, err := newNetwork(config, build(config))
	if err != nil {
		return nil, err
	}
	initialize(network)
	return network, nil
}
