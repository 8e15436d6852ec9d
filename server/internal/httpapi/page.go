// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	_ "embed"

	"github.com/trainyard-dev/trainyard/internal/webpage"
)

// The parts of the page on which a person tries the model.
var (
	//go:embed page/index.html
	pageHTML string
	//go:embed page/style.css
	pageStyle string
	//go:embed page/script.js
	pageScript string

	page = webpage.Join(pageHTML, pageStyle, pageScript)
)
