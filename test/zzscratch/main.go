package main

import (
	"fmt"
	"os"
	"strconv"
	"sort"
	"time"
	"math/rand/v2"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	threads, _ := strconv.Atoi(os.Args[2])
	mode := os.Args[3]
	n, _ := strconv.Atoi(os.Args[4])
	d, err := onnx.Decode(data)
	if err != nil {
		panic(err)
	}
	p, err := graph.Compile(d.Graph, graph.Options{Threads: threads})
	if err != nil {
		panic(err)
	}
	if mode == "steps" {
		p.StepTimes(n)
		return
	}
	s, err := p.NewSession(1)
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(1, 0))
	x := make([]float32, len(s.Input(0)))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	var times []float64
	for range n {
		copy(s.Input(0), x)
		t := time.Now()
		s.Run()
		times = append(times, float64(time.Since(t).Nanoseconds())/1e6)
	}
	sort.Float64s(times)
	fmt.Printf("min %.3f median %.3f ms\n", times[0], times[n/2])
}
