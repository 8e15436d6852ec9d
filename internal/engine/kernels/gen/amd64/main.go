// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command amd64 generates the kernels for AVX2 and AVX-512 of package kernels, and those of pictures: run "go generate" there.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
)

const header = `// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

`

func main() {
	log.SetFlags(0)
	bytes := flag.Bool("quantized", false, "generate the kernels of 8 bits instead of those of float32")
	wide := flag.Bool("avx512", false, "generate kernels for AVX-512 instead of AVX2")
	shown := flag.Bool("pictures", false, "generate the kernels of pictures")
	flag.Parse()
	build.ConstraintExpr("amd64")
	switch {
	case *wide:
		wideKernels()
	case *shown:
		pictures()
	case *bytes:
		quantized()
	default:
		float32s()
	}
	build.Generate()
	for _, name := range []string{"out", "stubs"} {
		if err := complete(flag.Lookup(name).Value.String(), *wide); err != nil {
			log.Fatal(err)
		}
	}
}

func float32s() {
	gemmTile()
	convTile()
	convWeightTile()
	vectors()
	splitting()
	halving()
	normPool()
	depthwise()
	depthwise3x3(1)
	depthwise3x3(2)
	depthwiseStrips(1)
	depthwiseStrips(2)
	gather(1)
	gather(2)
	columnProduct()
	normPoolSums()
	normPoolBackward()
	unpool()
	widenRow()
	patchProducts()
	winogradInput()
	winogradOutput("winogradOutput", false)
	winogradOutput("winogradOutputPool", true)
	winogradFilters()
	winogradFilterGradients()
	interleave()
	winogradWeightsInput()
	winogradWeightsGradient()
	for vectors := 1; vectors <= tileVectors; vectors++ {
		rowsProduct(fmt.Sprint("rowsProduct", vectors), vectors, fromZero)
		rowsProduct(fmt.Sprint("rowsConvolution", vectors), vectors, fromBias)
		rowsProduct(fmt.Sprint("rowsAccumulation", vectors), vectors, fromResult)
	}
}

// highRegisters matches the vector registers that AVX2 does not have.
var highRegisters = regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+)\b`)

// complete puts the license above what avo has written to path. It fails if a kernel for AVX2 needs more registers than
// there are: avo would then use those of AVX-512.
func complete(path string, wide bool) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if register := highRegisters.Find(source); register != nil && !wide {
		return fmt.Errorf("%s uses register %s, which AVX2 does not have", path, register)
	}
	return os.WriteFile(path, append([]byte(header), source...), 0o644)
}

// function starts a function whose pointer arguments do not escape.
func function(name, signature string) {
	build.TEXT(name, attr.NOSPLIT, signature)
	build.Pragma("noescape")
}
