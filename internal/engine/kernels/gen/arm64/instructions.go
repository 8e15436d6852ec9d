// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// Operands as Go's assembler writes them.

func immediate(n int) string             { return fmt.Sprint("$", n) }
func at(base general, disp int) string   { return fmt.Sprintf("%d(%s)", disp, base) }
func scalar(r register) string           { return fmt.Sprint("F", int(r)) }
func whole(r register) string            { return fmt.Sprint("V", int(r)) }
func floats(r register) string           { return fmt.Sprintf("V%d.S4", r) }
func bits(r register) string             { return fmt.Sprintf("V%d.B16", r) }
func element(r register, i int) string   { return fmt.Sprintf("V%d.S[%d]", r, i) }
func words(r register) string            { return fmt.Sprintf("V%d.H8", r) }
func lowWords(r register) string         { return fmt.Sprintf("V%d.H4", r) }
func lowBytes(r register) string         { return fmt.Sprintf("V%d.B8", r) }
func indexed(base, index general) string { return fmt.Sprintf("(%s)(%s)", base, index) }
func doubled(r register) string          { return fmt.Sprintf("V%d.D2", r) }
func pair(v vector) string               { return fmt.Sprintf("(F%d, F%d)", v[0], v[1]) }
func list(registers []register, operand func(r register) string) string {
	texts := make([]string, len(registers))
	for i, r := range registers {
		texts[i] = operand(r)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// Loads and stores.

// loadVector loads 8 floats.
func (k *kernel) loadVector(base general, disp int, v vector) {
	k.emit("FLDPQ", at(base, disp), pair(v))
}

// storeVector stores 8 floats.
func (k *kernel) storeVector(v vector, base general, disp int) {
	k.emit("FSTPQ", pair(v), at(base, disp))
}

// loadUnaligned loads 8 floats from a distance that need not be a multiple of 16 bytes, as pairs of registers want it.
func (k *kernel) loadUnaligned(base general, disp int, v vector) {
	for i, r := range v {
		k.loadRegister(base, disp+registerBytes*i, r)
	}
}

// loadRegister loads 4 floats.
func (k *kernel) loadRegister(base general, disp int, r register) {
	k.emit("FMOVQ", at(base, disp), scalar(r))
}

// storeRegister stores 4 floats.
func (k *kernel) storeRegister(r register, base general, disp int) {
	k.emit("FMOVQ", scalar(r), at(base, disp))
}

// loadNext loads neighboring registers and goes on behind them. The floats of groups of ways, 1, 2 or 4, neighbors are
// dealt to the registers in turn; with 1, the registers are filled one after the other.
func (k *kernel) loadNext(ways int, base general, registers []register) {
	k.emit(fmt.Sprintf("VLD%d.P", ways), at(base, registerBytes*len(registers)), list(registers, floats))
}

// storeNext stores neighboring registers, the reverse of loadNext.
func (k *kernel) storeNext(ways int, registers []register, base general) {
	k.emit(fmt.Sprintf("VST%d.P", ways), list(registers, floats), at(base, registerBytes*len(registers)))
}

// Arithmetic on vectors, with the destination last.

func (k *kernel) three(encode func(m, n, d register) instruction, m, n, d vector) {
	for i := range d {
		k.word(encode(m[i], n[i], d[i]))
	}
}

func (k *kernel) FADD(m, n, d vector)  { k.three(fadd, m, n, d) }  // d = n + m
func (k *kernel) FSUB(m, n, d vector)  { k.three(fsub, m, n, d) }  // d = n - m
func (k *kernel) FMUL(m, n, d vector)  { k.three(fmul, m, n, d) }  // d = n·m
func (k *kernel) FMAX(m, n, d vector)  { k.three(fmax, m, n, d) }  // d = max(n, m), NaN if either is
func (k *kernel) FMIN(m, n, d vector)  { k.three(fmin, m, n, d) }  // d = min(n, m), NaN if either is
func (k *kernel) FADDP(m, n, d vector) { k.three(faddp, m, n, d) } // d = the sums of neighbors in n, then in m
func (k *kernel) FCMGT(m, n, d vector) { k.three(fcmgt, m, n, d) } // d = the mask of n > m

// FADDDoubles sets d = n + m in float64.
func (k *kernel) FADDDoubles(m, n, d vector) { k.three(faddDoubles, m, n, d) }

// FMAXNM sets d to the larger of n and m, or that which is no NaN.
func (k *kernel) FMAXNM(m, n, d vector) { k.three(fmaxnm, m, n, d) }

// FDIV sets d = n / m.
func (k *kernel) FDIV(m, n, d vector) { k.three(fdiv, m, n, d) }

// FCMGTZero sets d to the mask of n > 0.
func (k *kernel) FCMGTZero(n, d vector) {
	for i := range d {
		k.word(fcmgtZero(n[i], d[i]))
	}
}

// factor is one element of a register that the elements of a vector are multiplied with.
type factor struct {
	register register
	lane     int
}

func (k *kernel) elements(encode func(m register, lane int, n, d register) instruction, m factor, n, d vector) {
	for i := range d {
		k.word(encode(m.register, m.lane, n[i], d[i]))
	}
}

func (k *kernel) FMLAElement(m factor, n, d vector) { k.elements(fmlaElement, m, n, d) } // d += n·m
func (k *kernel) FMLSElement(m factor, n, d vector) { k.elements(fmlsElement, m, n, d) } // d -= n·m
func (k *kernel) FMULElement(m factor, n, d vector) { k.elements(fmulElement, m, n, d) } // d = n·m

// SDOTElement adds to each sum of d the products of four bytes of n with those of m.
func (k *kernel) SDOTElement(m factor, n, d vector) { k.elements(sdotElement, m, n, d) }

// threeKnown writes an instruction that Go's assembler knows; operand is how it writes the registers.
func (k *kernel) threeKnown(mnemonic string, operand func(r register) string, m, n, d vector) {
	for i := range d {
		k.emit(mnemonic, operand(m[i]), operand(n[i]), operand(d[i]))
	}
}

func (k *kernel) VFMLA(m, n, d vector)        { k.threeKnown("VFMLA", floats, m, n, d) }  // d += n·m
func (k *kernel) VFMLADoubles(m, n, d vector) { k.threeKnown("VFMLA", doubled, m, n, d) } // d += n·m in float64
func (k *kernel) VZIP1(m, n, d vector)        { k.threeKnown("VZIP1", floats, m, n, d) }  // d = n0 m0 n1 m1
func (k *kernel) VZIP2(m, n, d vector)        { k.threeKnown("VZIP2", floats, m, n, d) }  // d = n2 m2 n3 m3
func (k *kernel) VCMTST(m, n, d vector)       { k.threeKnown("VCMTST", floats, m, n, d) } // d = the mask of n & m ≠ 0
func (k *kernel) VADD(m, n, d vector)         { k.threeKnown("VADD", floats, m, n, d) }   // d = n + m, integers
func (k *kernel) VSUB(m, n, d vector)         { k.threeKnown("VSUB", floats, m, n, d) }   // d = n - m, integers
func (k *kernel) VAND(m, n, d vector)         { k.threeKnown("VAND", bits, m, n, d) }     // d = n & m
func (k *kernel) VORR(m, n, d vector)         { k.threeKnown("VORR", bits, m, n, d) }     // d = n | m
func (k *kernel) VEOR(m, n, d vector)         { k.threeKnown("VEOR", bits, m, n, d) }     // d = n ^ m
func (k *kernel) VBIT(m, n, d vector)         { k.threeKnown("VBIT", bits, m, n, d) }     // d = n where m is set

// zero clears a vector.
func (k *kernel) zero(v vector) { k.VEOR(v, v, v) }

// copy sets d to v.
func (k *kernel) copy(v, d vector) {
	for i := range d {
		k.emit("VMOV", bits(v[i]), bits(d[i]))
	}
}

// broadcast fills a vector with an element.
func (k *kernel) broadcast(f factor, d vector) {
	for i := range d {
		k.emit("VDUP", element(f.register, f.lane), floats(d[i]))
	}
}

// horizontalSums leaves the sums of the elements of each of four registers in the first, and changes all.
func (k *kernel) horizontalSums(v [4]register) {
	k.word(faddp(v[1], v[0], v[0]))
	k.word(faddp(v[3], v[2], v[2]))
	k.word(faddp(v[2], v[0], v[0]))
}

// multiply sets product to factor·g.
func (k *kernel) multiply(factor int, g, product general) {
	k.emit("MOVD", immediate(factor), product)
	k.emit("MUL", g, product)
}
