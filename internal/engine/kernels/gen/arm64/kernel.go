// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"strings"
)

// register is one of the 32 vector registers of 4 floats.
type register int

// vector is registers that are treated alike, most often the two of 8 floats; instructions on vectors are written for each
// of their registers.
type vector []register

// general is an integer register.
type general int

func (g general) String() string { return fmt.Sprint("R", int(g)) }

const (
	vectorBytes   = 32 // of 8 floats
	registerBytes = 16
	vectorCount   = 32
	floatBytes    = 4
)

// generals are the integer registers that are free to use: R16 and R17 belong to the linker, R18 to the platform, R27 and
// R28 to Go's assembler and runtime.
var generals = []general{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25, 26}

// kernel is a function of the assembly that is being written. Registers are handed out in turn; a scope gives back those
// that were taken inside it.
type kernel struct {
	name, signature string
	doc             []string
	parameters      map[string]int // the offsets of parameters and results from the frame pointer
	size            int            // of the parameters and results
	frame           int            // bytes of local memory
	code            bytes.Buffer
	generals        int // in use
	vectors         int // in use
}

// newKernel begins a function. The signature is a function type of ints, numbers of 32 or 64 bits and pointers as Go writes it, without func.
func newKernel(name, signature string, doc ...string) *kernel {
	k := &kernel{name: name, signature: signature, doc: doc, parameters: map[string]int{}}
	expression, err := parser.ParseExpr("func" + signature)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	function := expression.(*ast.FuncType)
	k.place(function.Params)
	if function.Results != nil {
		k.size = (k.size + 7) &^ 7
		k.place(function.Results)
	}
	return k
}

// place lays out parameters or results as Go's stack-based calling convention does.
func (k *kernel) place(fields *ast.FieldList) {
	for _, field := range fields.List {
		size := 8
		identifier, ok := field.Type.(*ast.Ident)
		if ok && (identifier.Name == "float32" || identifier.Name == "int32") {
			size = floatBytes
		}
		names := field.Names
		if len(names) == 0 {
			names = []*ast.Ident{{Name: "ret"}}
		}
		for _, name := range names {
			k.size = (k.size + size - 1) / size * size
			k.parameters[name.Name] = k.size
			k.size += size
		}
	}
}

// parameter returns the operand that stands for a parameter.
func (k *kernel) parameter(name string) string {
	offset, ok := k.parameters[name]
	if !ok {
		panic(fmt.Sprintf("%s has no parameter %s", k.name, name))
	}
	return fmt.Sprintf("%s+%d(FP)", name, offset)
}

// emit writes an instruction of Go's assembler.
func (k *kernel) emit(mnemonic string, operands ...any) {
	texts := make([]string, len(operands))
	for i, operand := range operands {
		texts[i] = fmt.Sprint(operand)
	}
	fmt.Fprintf(&k.code, "\t%s %s\n", mnemonic, strings.Join(texts, ", "))
}

// word writes an instruction that Go's assembler does not know.
func (k *kernel) word(i instruction) { fmt.Fprintf(&k.code, "\t%s\n", i) }

// label writes a label.
func (k *kernel) label(name string) { fmt.Fprintf(&k.code, "\n%s:\n", name) }

// scope gives back the registers that body takes.
func (k *kernel) scope(body func()) {
	generals, vectors := k.generals, k.vectors
	body()
	k.generals, k.vectors = generals, vectors
}

// loop repeats body until counter, which it takes step from, is zero; counter is a positive multiple of step.
func (k *kernel) loop(label string, counter general, step int, body func()) {
	k.label(label)
	k.scope(body)
	k.emit("SUBS", immediate(step), counter)
	k.emit("BNE", label)
}

// general takes an integer register.
func (k *kernel) general() general {
	if k.generals == len(generals) {
		panic(k.name + " needs more integer registers than there are")
	}
	k.generals++
	return generals[k.generals-1]
}

// registers takes n neighboring vector registers.
func (k *kernel) registers(n int) []register {
	if k.vectors+n > vectorCount {
		panic(k.name + " needs more vector registers than there are")
	}
	taken := make([]register, n)
	for i := range taken {
		taken[i] = register(k.vectors + i)
	}
	k.vectors += n
	return taken
}

// vector takes the registers of 8 floats.
func (k *kernel) vector() vector { return k.registers(2) }

// fill stands for a vector of 8 floats whose halves are the same register.
func fill(r register) vector { return vector{r, r} }

// load takes an integer register and loads a parameter into it.
func (k *kernel) load(name string) general {
	g := k.general()
	k.loadTo(name, g)
	return g
}

// loadTo loads a parameter.
func (k *kernel) loadTo(name string, g general) { k.emit("MOVD", k.parameter(name), g) }

// local takes an integer register and sets it to the address of as many bytes, a multiple of 16, of local memory: all that
// the function has.
func (k *kernel) local(bytes int) general {
	k.frame = bytes
	g := k.general()
	k.emit("MOVD", fmt.Sprintf("$local-%d(SP)", bytes), g)
	return g
}

// bound takes a register and fills it with a parameter.
func (k *kernel) bound(name string) register {
	r := k.registers(1)[0]
	k.emit("FMOVS", k.parameter(name), scalar(r))
	k.emit("VDUP", element(r, 0), floats(r))
	return r
}

// result stores the first float of a register as a result.
func (k *kernel) result(r register, name string) { k.emit("FMOVS", scalar(r), k.parameter(name)) }

// constants takes a register and sets its lanes to the given bits.
func (k *kernel) constants(lanes [4]uint32) register {
	r := k.registers(1)[0]
	k.scope(func() {
		g := k.general()
		for half := range 2 {
			k.emit("MOVD", fmt.Sprintf("$%#016x", uint64(lanes[2*half+1])<<32|uint64(lanes[2*half])), g)
			k.emit("VMOV", g, fmt.Sprintf("V%d.D[%d]", r, half))
		}
	})
	return r
}

// assembly returns the function's source.
func (k *kernel) assembly() string {
	return fmt.Sprintf("\n// func %s%s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n%s\tRET\n", k.name, k.signature, k.name, k.frame, k.size, k.code.String())
}

// stub returns the function's declaration.
func (k *kernel) stub() string {
	return fmt.Sprintf("\n// %s\n//\n//go:noescape\nfunc %s%s\n", strings.Join(k.doc, "\n// "), k.name, k.signature)
}
