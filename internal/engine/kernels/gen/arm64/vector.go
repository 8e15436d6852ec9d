// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// elementwises returns the elementwise kernels. All handle a multiple of 8 elements; the Go side does the rest.
func elementwises() []*kernel {
	return []*kernel{
		elementwise("affine8", "(n int, y, x *float32, scale, shift float32)", "y = scale·x + shift",
			[]string{"x"}, "y", []string{"scale", "shift"}, func(k *kernel, in, c []vector) vector {
				y := k.vector()
				k.copy(c[1], y)
				k.VFMLA(c[0], in[0], y)
				return y
			}),
		elementwise("affine28", "(n int, z, y, x *float32, ofY, ofX, shift float32)", "z = ofY·y + ofX·x + shift",
			[]string{"y", "x"}, "z", []string{"ofY", "ofX", "shift"}, func(k *kernel, in, c []vector) vector {
				z := k.vector()
				k.copy(c[2], z)
				k.VFMLA(c[1], in[1], z)
				k.VFMLA(c[0], in[0], z)
				return z
			}),
		elementwise("add8", "(n int, y, a, b *float32)", "y = a + b", []string{"a", "b"}, "y", nil,
			func(k *kernel, in, _ []vector) vector {
				k.FADD(in[1], in[0], in[0])
				return in[0]
			}),
		elementwise("maximum8", "(n int, y, a, b *float32)", "y = max(a, b), NaN if either is,", []string{"a", "b"}, "y", nil,
			func(k *kernel, in, _ []vector) vector {
				k.FMAX(in[1], in[0], in[0])
				return in[0]
			}),
		elementwise("clip8", "(n int, y, x *float32, low, high float32)", "y = min(max(x, low), high), NaN staying NaN,",
			[]string{"x"}, "y", []string{"low", "high"}, func(k *kernel, in, c []vector) vector {
				k.FMAX(c[0], in[0], in[0])
				k.FMIN(c[1], in[0], in[0])
				return in[0]
			}),
		elementwise("relu8", "(n int, y, x *float32)", "y = max(0, x), NaN staying NaN,", []string{"x"}, "y", nil,
			func(k *kernel, in, _ []vector) vector {
				zero := k.vector()
				k.zero(zero)
				k.FMAX(zero, in[0], in[0])
				return in[0]
			}),
		elementwise("reluBackward8", "(n int, dx, y, dy *float32)", "dx = dy where y > 0, else 0,", []string{"y", "dy"}, "dx", nil,
			func(k *kernel, in, _ []vector) vector {
				k.FCMGTZero(in[0], in[0])
				k.VAND(in[0], in[1], in[1])
				return in[1]
			}),
	}
}

// elementwise generates a loop over n elements, a multiple of 8.
func elementwise(name, signature, formula string, inputs []string, output string, constants []string,
	body func(k *kernel, in, c []vector) vector) *kernel {
	k := newKernel(name, signature, name+" computes "+formula+" for n elements, n a positive multiple of 8.")
	n, out := k.load("n"), k.load(output)
	pointers := k.loadAll(inputs)
	var values []vector
	for _, c := range constants {
		values = append(values, fill(k.bound(c)))
	}
	k.loop("elements", n, 8, func() {
		in := make([]vector, len(inputs))
		for i, pointer := range pointers {
			in[i] = k.vector()
			k.loadNext(1, pointer, in[i])
		}
		k.storeNext(1, body(k, in, values), out)
	})
	return k
}

// reductions returns the kernels of sums.
func reductions() []*kernel {
	return []*kernel{
		reduction("sum8", "(n int, x *float32) float32", "Σx", []string{"x"}, "",
			func(k *kernel, in []vector, _, sum vector) { k.FADD(in[0], sum, sum) }),
		reduction("squaredDeviations8", "(n int, x *float32, mean float32) float32", "Σ(x-mean)²", []string{"x"}, "mean",
			func(k *kernel, in []vector, mean, sum vector) {
				k.FSUB(mean, in[0], in[0])
				k.VFMLA(in[0], in[0], sum)
			}),
		reduction("dotDeviation8", "(n int, y, x *float32, mean float32) float32", "Σ y·(x-mean)", []string{"y", "x"}, "mean",
			func(k *kernel, in []vector, mean, sum vector) {
				k.FSUB(mean, in[1], in[1])
				k.VFMLA(in[0], in[1], sum)
			}),
	}
}

// reduction generates a sum over n elements, a multiple of 32, in 32 partial sums.
func reduction(name, signature, formula string, inputs []string, constant string,
	step func(k *kernel, in []vector, constant, sum vector)) *kernel {
	const unroll = 4
	k := newKernel(name, signature, name+" returns "+formula+" over n elements, n a positive multiple of 32.")
	n, pointers := k.load("n"), k.loadAll(inputs)
	var value vector
	if constant != "" {
		value = fill(k.bound(constant))
	}
	var sums [unroll]vector
	for i := range sums {
		sums[i] = k.vector()
		k.zero(sums[i])
	}
	k.loop("elements", n, 8*unroll, func() {
		for _, sum := range sums {
			k.scope(func() {
				in := make([]vector, len(inputs))
				for i, pointer := range pointers {
					in[i] = k.vector()
					k.loadNext(1, pointer, in[i])
				}
				step(k, in, value, sum)
			})
		}
	})
	k.FADD(sums[1], sums[0], sums[0])
	k.FADD(sums[3], sums[2], sums[2])
	k.FADD(sums[2], sums[0], sums[0])
	total := sums[0][0]
	k.total(sums[0])
	k.result(total, "ret")
	return k
}

// total leaves the sum of a vector's elements in the first of them.
func (k *kernel) total(v vector) {
	first := v[:1]
	k.FADD(v[1:], first, first)
	k.FADDP(first, first, first)
	k.FADDP(first, first, first)
}

// loadAll loads parameters into integer registers.
func (k *kernel) loadAll(names []string) []general {
	var loaded []general
	for _, name := range names {
		loaded = append(loaded, k.load(name))
	}
	return loaded
}

// loadPairs loads 8 pairs of neighbors and returns the first and the second of each. They lie in two times two
// neighboring registers, as storePairs needs them.
func (k *kernel) loadPairs(base general) (even, odd vector) {
	even, odd = k.pairs()
	for half := range even {
		k.loadNext(2, base, []register{even[half], odd[half]})
	}
	return even, odd
}

// pairs takes two vectors for storePairs.
func (k *kernel) pairs() (even, odd vector) {
	r := k.registers(4)
	return vector{r[0], r[2]}, vector{r[1], r[3]}
}

// storePairs stores the elements of even and odd in turn.
func (k *kernel) storePairs(even, odd vector, base general) {
	for half := range even {
		k.storeNext(2, []register{even[half], odd[half]}, base)
	}
}

// splitting generates the separation of neighbors.
func splitting() *kernel {
	k := newKernel("split8", "(n int, even, odd, x *float32)",
		"split8 sets even[i] = x[2i] and odd[i] = x[2i+1] for 0 ≤ i < n, n a positive multiple of 8.")
	n, even, odd, x := k.load("n"), k.load("even"), k.load("odd"), k.load("x")
	k.loop("elements", n, 8, func() {
		first, second := k.loadPairs(x)
		k.storeVector(first, even, 0)
		k.storeVector(second, odd, 0)
		k.emit("ADD", immediate(vectorBytes), even)
		k.emit("ADD", immediate(vectorBytes), odd)
	})
	return k
}

// halving generates the maximum of 2×2 elements.
func halving() *kernel {
	k := newKernel("halve8", "(n int, y, top, bottom *float32, floor float32)",
		"halve8 sets y[i] to the largest of floor and the elements 2i and 2i+1 of top and bottom for 0 ≤ i < n, n a positive",
		"multiple of 8.")
	n, y, top, bottom := k.load("n"), k.load("y"), k.load("top"), k.load("bottom")
	floor := fill(k.bound("floor"))
	k.loop("elements", n, 8, func() {
		a, b := k.loadPairs(top)
		c, d := k.loadPairs(bottom)
		k.FMAX(b, a, a)
		k.FMAX(d, c, c)
		k.FMAX(c, a, a)
		k.FMAX(floor, a, a)
		k.storeVector(a, y, 0)
		k.emit("ADD", immediate(vectorBytes), y)
	})
	return k
}
