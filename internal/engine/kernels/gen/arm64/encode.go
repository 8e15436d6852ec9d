// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// The vector instructions that Go's assembler does not know, each as its 32-bit word (Arm Architecture Reference Manual, C7.2)
// with operands in Go's order, the destination last. They are on 4 lanes of float32 where their names don't say Doubles.

// instruction is a machine word and how GNU's assembler spells it.
type instruction struct {
	word uint32
	text string
}

func (i instruction) String() string { return fmt.Sprintf("WORD $%#08x // %s", i.word, i.text) }

// threeRegisters encodes d = n op m for lanes of a shape, 4s or 2d.
func threeRegisters(opcode uint32, mnemonic, shape string, m, n, d register) instruction {
	return instruction{
		word: opcode | uint32(m)<<16 | uint32(n)<<5 | uint32(d),
		text: fmt.Sprintf("%s v%d.%s, v%d.%s, v%d.%s", mnemonic, d, shape, n, shape, m, shape),
	}
}

// twoRegisters encodes d = op n; operands is how GNU's assembler writes them, given the numbers of d and n.
func twoRegisters(opcode uint32, operands string, n, d register) instruction {
	return instruction{word: opcode | uint32(n)<<5 | uint32(d), text: fmt.Sprintf(operands, d, n)}
}

// byElement encodes d = d op n·m[lane].
func byElement(opcode uint32, mnemonic string, m register, lane int, n, d register) instruction {
	low, high := uint32(lane&1), uint32(lane>>1)
	return instruction{
		word: opcode | low<<21 | uint32(m)<<16 | high<<11 | uint32(n)<<5 | uint32(d),
		text: fmt.Sprintf("%s v%d.4s, v%d.4s, v%d.s[%d]", mnemonic, d, n, m, lane),
	}
}

func fadd(m, n, d register) instruction  { return threeRegisters(0x4E20D400, "fadd", "4s", m, n, d) }
func fsub(m, n, d register) instruction  { return threeRegisters(0x4EA0D400, "fsub", "4s", m, n, d) }
func fmul(m, n, d register) instruction  { return threeRegisters(0x6E20DC00, "fmul", "4s", m, n, d) }
func fmax(m, n, d register) instruction  { return threeRegisters(0x4E20F400, "fmax", "4s", m, n, d) }
func fmin(m, n, d register) instruction  { return threeRegisters(0x4EA0F400, "fmin", "4s", m, n, d) }
func faddp(m, n, d register) instruction { return threeRegisters(0x6E20D400, "faddp", "4s", m, n, d) }
func fcmgt(m, n, d register) instruction { return threeRegisters(0x6EA0E400, "fcmgt", "4s", m, n, d) }

func faddDoubles(m, n, d register) instruction {
	return threeRegisters(0x4E60D400, "fadd", "2d", m, n, d)
}

func faddpDoubles(m, n, d register) instruction {
	return threeRegisters(0x6E60D400, "faddp", "2d", m, n, d)
}

// fcmgtZero encodes d = -1 where n > 0, else 0.
func fcmgtZero(n, d register) instruction {
	return twoRegisters(0x4EA0C800, "fcmgt v%d.4s, v%d.4s, #0.0", n, d)
}

// fcvtl and fcvtl2 encode the conversion of n's first and last two floats to float64.
func fcvtl(n, d register) instruction { return twoRegisters(0x0E617800, "fcvtl v%d.2d, v%d.2s", n, d) }
func fcvtl2(n, d register) instruction {
	return twoRegisters(0x4E617800, "fcvtl2 v%d.2d, v%d.4s", n, d)
}

// The conversions between 4 integers of 32 bits, 8 of 16, and bytes saturate; fcvtns rounds half to even.

func scvtf(n, d register) instruction { return twoRegisters(0x4E21D800, "scvtf v%d.4s, v%d.4s", n, d) }
func fcvtns(n, d register) instruction {
	return twoRegisters(0x4E21A800, "fcvtns v%d.4s, v%d.4s", n, d)
}
func sqxtn(n, d register) instruction { return twoRegisters(0x0E614800, "sqxtn v%d.4h, v%d.4s", n, d) }
func sqxtn2(n, d register) instruction {
	return twoRegisters(0x4E614800, "sqxtn2 v%d.8h, v%d.4s", n, d)
}
func sqxtun(n, d register) instruction {
	return twoRegisters(0x2E212800, "sqxtun v%d.8b, v%d.8h", n, d)
}
func sqxtun2(n, d register) instruction {
	return twoRegisters(0x6E212800, "sqxtun2 v%d.16b, v%d.8h", n, d)
}

func sqadd(m, n, d register) instruction  { return threeRegisters(0x4E600C00, "sqadd", "8h", m, n, d) }
func fmaxnm(m, n, d register) instruction { return threeRegisters(0x4E20C400, "fmaxnm", "4s", m, n, d) }
func fdiv(m, n, d register) instruction   { return threeRegisters(0x6E20FC00, "fdiv", "4s", m, n, d) }

// sdotElement encodes the sums of d and the products of 4 bytes of n each with those of lane of m.
func sdotElement(m register, lane int, n, d register) instruction {
	i := byElement(0x4F80E000, "sdot", m, lane, n, d)
	i.text = fmt.Sprintf("sdot v%d.4s, v%d.16b, v%d.4b[%d]", d, n, m, lane)
	return i
}

func fmlaElement(m register, lane int, n, d register) instruction {
	return byElement(0x4F801000, "fmla", m, lane, n, d)
}

func fmlsElement(m register, lane int, n, d register) instruction {
	return byElement(0x4F805000, "fmls", m, lane, n, d)
}

func fmulElement(m register, lane int, n, d register) instruction {
	return byElement(0x4F809000, "fmul", m, lane, n, d)
}
