// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// The kernels of batch normalization, ReLU and 2×2 max pooling in one work on 8 windows at a time: 16 pixels of two rows.
// The choice of a row of windows is three planes of bits, described in choice.go.

// choicePlanes are the bytes of a choice's planes that belong to the next 8 windows.
type choicePlanes [3]general

// loadChoicePlanes loads where the planes begin.
func (k *kernel) loadChoicePlanes() choicePlanes {
	first, step := k.load("choice"), k.load("plane")
	planes := choicePlanes{first, k.general(), k.general()}
	k.emit("ADD", step, planes[0], planes[1])
	k.emit("ADD", step, planes[1], planes[2])
	return planes
}

// windowBits returns the bit of each window in a byte.
func (k *kernel) windowBits() vector {
	return vector{k.constants([4]uint32{1, 2, 4, 8}), k.constants([4]uint32{16, 32, 64, 128})}
}

// storeChoice stores a mask of 8 windows, which it overwrites, as the next byte of a plane.
func (k *kernel) storeChoice(mask, windowBits vector, plane general) {
	k.VAND(windowBits, mask, mask)
	k.VORR(mask[1:], mask[:1], mask[:1])
	k.scope(func() {
		value := k.general()
		k.emit("VADDV", floats(mask[0]), whole(mask[0]))
		k.emit("FMOVS", scalar(mask[0]), value)
		k.emit("MOVB.P", value, at(plane, 1))
	})
}

// loadChoice returns a mask of the windows whose bit is set in the next byte of a plane.
func (k *kernel) loadChoice(plane general, windowBits vector) vector {
	mask := k.vector()
	k.scope(func() {
		value := k.general()
		k.emit("MOVBU.P", at(plane, 1), value)
		for _, r := range mask {
			k.emit("VDUP", value, floats(r))
		}
	})
	k.VCMTST(windowBits, mask, mask)
	return mask
}

// normPool generates the forward pass.
func normPool() *kernel {
	k := newKernel("normPool8", "(n int, out *float32, choice *uint16, plane int, top, bottom *float32, scale, shift float32)",
		"normPool8 computes out = max(0, scale·x + shift) of the largest pixel of each of n windows of 2×2, n a positive",
		"multiple of 8. choice receives which is the first largest, in three planes of bits that lie plane bytes apart.")
	n, out, planes, rows := k.load("n"), k.load("out"), k.loadChoicePlanes(), k.loadAll([]string{"top", "bottom"})
	scale, shift, bits := fill(k.bound("scale")), fill(k.bound("shift")), k.windowBits()
	zero := fill(k.registers(1)[0])
	k.zero(zero[:1])
	k.loop("windows", n, 8, func() {
		var largest, right [2]vector // of each row
		for i, row := range rows {
			even, odd := k.loadPairs(row)
			first, second := k.vector(), k.vector()
			k.copy(shift, first)
			k.VFMLA(scale, even, first)
			k.copy(shift, second)
			k.VFMLA(scale, odd, second)
			largest[i], right[i] = first, even
			k.FCMGT(first, second, right[i])
			k.FMAX(second, first, first)
		}
		lower := k.vector()
		k.FCMGT(largest[0], largest[1], lower)
		k.FMAX(largest[1], largest[0], largest[0])
		k.FMAX(zero, largest[0], largest[0])
		k.storeNext(1, largest[0], out)
		k.VBIT(lower, right[1], right[0])
		k.FCMGTZero(largest[0], largest[0])
		k.storeChoice(largest[0], bits, planes[0])
		k.storeChoice(right[0], bits, planes[1])
		k.storeChoice(lower, bits, planes[2])
	})
	return k
}

// normPoolSums generates the sums of the backward pass.
func normPoolSums() *kernel {
	k := newKernel("normPoolSums8", "(n int, d *float32, choice *uint16, plane int, top, bottom *float32, mean float32) (sum, dot float32)",
		"normPoolSums8 returns Σd and Σ d·(x-mean) over the pixels x that the n windows chose, n a positive multiple of 8.")
	n, d, planes, rows := k.load("n"), k.load("d"), k.loadChoicePlanes(), k.loadAll([]string{"top", "bottom"})
	mean, bits := fill(k.bound("mean")), k.windowBits()
	sum, dot := k.vector(), k.vector()
	k.zero(sum)
	k.zero(dot)
	k.loop("windows", n, 8, func() {
		alive, right, lower := k.loadChoice(planes[0], bits), k.loadChoice(planes[1], bits), k.loadChoice(planes[2], bits)
		var chosen [2]vector // of each row
		for i, row := range rows {
			even, odd := k.loadPairs(row)
			k.VBIT(right, odd, even)
			chosen[i] = even
		}
		k.VBIT(lower, chosen[1], chosen[0])
		gradient := k.vector()
		k.loadNext(1, d, gradient)
		k.VAND(alive, gradient, gradient)
		k.FADD(gradient, sum, sum)
		k.FSUB(mean, chosen[0], chosen[0])
		k.VFMLA(gradient, chosen[0], dot)
	})
	k.total(sum)
	k.result(sum[0], "sum")
	k.total(dot)
	k.result(dot[0], "dot")
	return k
}

// spread loads the gradients of 8 windows, 0 for those that ReLU cut off, and returns them at the pixels the windows chose:
// the even and the odd pixels of each row.
func (k *kernel) spread(d general, planes choicePlanes, bits vector, change func(gradient vector)) [2][2]vector {
	alive, right, lower := k.loadChoice(planes[0], bits), k.loadChoice(planes[1], bits), k.loadChoice(planes[2], bits)
	gradient := k.vector()
	k.loadNext(1, d, gradient)
	k.VAND(alive, gradient, gradient)
	change(gradient)
	k.VAND(gradient, lower, lower)
	k.VEOR(gradient, lower, gradient) // what is not in the lower row is in the upper one
	var rows [2][2]vector
	for i, v := range []vector{gradient, lower} {
		even, odd := k.pairs()
		k.VAND(right, v, odd)
		k.VEOR(odd, v, even)
		rows[i] = [2]vector{even, odd}
	}
	return rows
}

// normPoolBackward generates the gradient of the input.
func normPoolBackward() *kernel {
	k := newKernel("normPoolBackward8", "(n int, top, bottom, d *float32, choice *uint16, plane int, scale, ofX, shift float32)",
		"normPoolBackward8 replaces each pixel x of n windows by ofX·x + shift, plus scale·d for the one that the window",
		"chose, n a positive multiple of 8.")
	n, rows, d, planes := k.load("n"), k.loadAll([]string{"top", "bottom"}), k.load("d"), k.loadChoicePlanes()
	scale, ofX, shift, bits := fill(k.bound("scale")), fill(k.bound("ofX")), fill(k.bound("shift")), k.windowBits()
	source := k.general()
	k.loop("windows", n, 8, func() {
		gradients := k.spread(d, planes, bits, func(gradient vector) { k.FMUL(scale, gradient, gradient) })
		for i, row := range rows {
			k.scope(func() {
				k.emit("MOVD", row, source)
				even, odd := k.loadPairs(source)
				for half, pixels := range []vector{even, odd} {
					k.FADD(shift, gradients[i][half], gradients[i][half])
					k.VFMLA(ofX, pixels, gradients[i][half])
				}
				k.storePairs(gradients[i][0], gradients[i][1], row)
			})
		}
	})
	return k
}

// unpool generates the gradient of max pooling alone.
func unpool() *kernel {
	k := newKernel("unpool8", "(n int, top, bottom, d *float32, choice *uint16, plane int) float32",
		"unpool8 sets the pixel that each of n windows chose to d and the others to 0, n a positive multiple of 8. It returns the",
		"sum of the pixels.")
	n, rows, d, planes := k.load("n"), k.loadAll([]string{"top", "bottom"}), k.load("d"), k.loadChoicePlanes()
	bits, sum := k.windowBits(), k.vector()
	k.zero(sum)
	k.loop("windows", n, 8, func() {
		gradients := k.spread(d, planes, bits, func(gradient vector) { k.FADD(gradient, sum, sum) })
		for i, row := range rows {
			k.storePairs(gradients[i][0], gradients[i][1], row)
		}
	})
	k.total(sum)
	k.result(sum[0], "ret")
	return k
}
