// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// Blocking of the matrix product: a slab of kBlock×BlockColumns elements of B stays in the second-level cache while the
// panels of A stream past it.
const (
	kBlock       = 256
	BlockColumns = 240 // a multiple of every set's nr
	// packChunk is the number of panels that one packing part handles.
	packChunk = 8
)

// Matrix is a strided view: element (i, j) is Data[i*RowStride+j*ColStride].
type Matrix struct {
	Data                 []float32
	RowStride, ColStride int
}

// RowMajor views data as a dense matrix with the given number of columns.
func RowMajor(data []float32, columns int) Matrix {
	return Matrix{Data: data, RowStride: columns, ColStride: 1}
}

// T returns the transpose of m, without copying.
func (m Matrix) T() Matrix {
	return Matrix{Data: m.Data, RowStride: m.ColStride, ColStride: m.RowStride}
}

// need returns the number of elements that a rows×columns view reaches.
func (m Matrix) need(rows, columns int) int {
	if rows == 0 || columns == 0 {
		return 0
	}
	return (rows-1)*m.RowStride + (columns-1)*m.ColStride + 1
}

// Product is one product C = A·B, or C += A·B. The rows of A are packed beforehand;
// B is packed slab by slab as it is needed.
type Product struct {
	M, N, K    int
	A          Matrix
	B          Right
	C          []float32
	LDC        int
	Accumulate bool
	// taskRows is the number of rows of C that one part computes, of BlockColumns columns.
	taskRows int
}

// Right yields the right-hand operand, k rows of n columns.
type Right interface {
	// Pack writes rows [k0, k0+kc) of columns [j0, j0+n) to dst in panels of nr columns: element (p, j) goes to
	// dst[j/nr·nr·kc + p·nr + j%nr]. Lanes of the last panel beyond n are zero. row is scratch for max(n, kc) elements.
	Pack(dst []float32, nr, j0, n, k0, kc int, row []float32)
}

// Gemm computes C = A·B, or C += A·B if accumulate is set. A is m×k, B is k×n, both arbitrary strided views (pass X.T()
// for a transposed operand); C is row-major with ldc ≥ n elements a row, and overlaps neither.
func Gemm(ws *exec.Workspace, m, n, k int, a, b Matrix, c []float32, ldc int, accumulate bool) {
	st := states.Of(ws)
	if m == 0 || n == 0 {
		return
	}
	exec.CheckLength("gemm", "A", a.Data, a.need(m, k))
	exec.CheckLength("gemm", "B", b.Data, b.need(k, n))
	exec.CheckLength("gemm", "C", c, (m-1)*ldc+n)
	if k == 0 {
		if !accumulate {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	if m <= maxDotRows && a.ColStride == 1 && b.RowStride == 1 {
		st.product = Product{M: m, N: n, K: k, A: a, C: c, LDC: ldc, Accumulate: accumulate}
		st.right = b
		ws.Run(exec.CeilDiv(n, dotColumns), dotsPart)
		return
	}
	st.right = b
	Multiply(ws, Product{M: m, N: n, K: k, A: a, B: &st.right, C: c, LDC: ldc, Accumulate: accumulate})
}

// A product of so few rows reads B once only, so packing it does not pay: each element of C is a dot product of a row of A
// and a column of B that lie in memory as they are.
const (
	maxDotRows = 2
	dotColumns = 64 // of a part
)

func dotsPart(ws *exec.Workspace, _, part int) {
	st := states.Of(ws)
	g, b := &st.product, &st.right
	for j := part * dotColumns; j < min(g.N, (part+1)*dotColumns); j++ {
		column := b.Data[j*b.ColStride:][:g.K]
		for i := range g.M {
			v := float32(ws.Kernels().DotDeviation(g.A.Data[i*g.A.RowStride:][:g.K], column, 0))
			if g.Accumulate {
				v += g.C[i*g.LDC+j]
			}
			g.C[i*g.LDC+j] = v
		}
	}
}

// Multiply packs A and computes C in parts of a grid that depends on the shape alone.
func Multiply(ws *exec.Workspace, args Product) {
	args.taskRows = rowsOfTask(args.M, args.N, ws.Kernels().TileRows)
	PackLeft(ws, args)
	ws.Run(exec.CeilDiv(args.M, args.taskRows)*exec.CeilDiv(args.N, BlockColumns), gemmPart)
	states.Of(ws).product = Product{}
}

// rowsOfTask chooses how many rows of C one part computes: all if there are enough blocks of columns to share out, else
// some, a multiple of mr.
func rowsOfTask(m, n, mr int) int {
	const wanted = 16
	columns := exec.CeilDiv(n, BlockColumns)
	if columns >= wanted {
		return m
	}
	rows := exec.CeilDiv(wanted, columns)
	taskM := max(exec.CeilDiv(exec.CeilDiv(m, rows), mr)*mr, 8*mr)
	return min(taskM, exec.CeilDiv(m, mr)*mr)
}

// PackLeft begins a product: it packs the left-hand operand, for each block of kBlock columns, in panels of TileRows rows,
// k-major.
func PackLeft(ws *exec.Workspace, args Product) {
	st := states.Of(ws)
	st.product = args
	st.workers = exec.Grow(st.workers, ws.Threads())
	g, mr := &st.product, ws.Kernels().TileRows
	panels := exec.CeilDiv(g.M, mr)
	st.packed = exec.Grow(st.packed, panels*mr*g.K)
	ws.Run(exec.CeilDiv(g.K, kBlock)*exec.CeilDiv(panels, packChunk), packAPart)
}

func packAPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	g, mr := &st.product, ws.Kernels().TileRows
	panels := exec.CeilDiv(g.M, mr)
	chunks := exec.CeilDiv(panels, packChunk)
	k0 := part / chunks * kBlock
	kc := min(kBlock, g.K-k0)
	first := part % chunks * packChunk
	transposed := g.A.T()
	for p := first; p < min(first+packChunk, panels); p++ {
		dst := st.packed[panels*mr*k0+p*mr*kc:][:mr*kc]
		transposed.Pack(dst, mr, p*mr, min(mr, g.M-p*mr), k0, kc, st.workers[worker].row[:])
	}
}

func gemmPart(ws *exec.Workspace, worker, part int) {
	g := &states.Of(ws).product
	columns := exec.CeilDiv(g.N, BlockColumns)
	m0, n0 := part/columns*g.taskRows, part%columns*BlockColumns
	computeBlock(ws, g, g.B, worker, m0, min(g.M, m0+g.taskRows), n0, min(g.N, n0+BlockColumns), g.C[m0*g.LDC+n0:])
}

// computeBlock computes rows [m0, m1) and columns [n0, n1) of the product with b; c starts at the element of row m0 and column
// n0. m0 is a multiple of mr and n1-n0 at most BlockColumns.
func computeBlock(ws *exec.Workspace, g *Product, b Right, worker, m0, m1, n0, n1 int, c []float32) {
	st := states.Of(ws)
	mr, nr := ws.Kernels().TileRows, ws.Kernels().TileColumns
	panelsA := exec.CeilDiv(g.M, mr)
	own := &st.workers[worker]
	slab, tile := own.slab[:], own.tile[:mr*nr]
	for k0 := 0; k0 < g.K; k0 += kBlock {
		kc := min(kBlock, g.K-k0)
		b.Pack(slab, nr, n0, n1-n0, k0, kc, own.row[:])
		add := g.Accumulate || k0 > 0
		for i := m0; i < m1; i += mr {
			a := st.packed[panelsA*mr*k0+i*kc:][:mr*kc]
			for j := n0; j < n1; j += nr {
				ws.Kernels().GemmTile(kc, a, slab[(j-n0)*kc:][:nr*kc], tile)
				storeTile(c[(i-m0)*g.LDC+j-n0:], g.LDC, tile, nr, min(mr, m1-i), min(nr, n1-j), add)
			}
		}
	}
}

// Block computes a block, as computeBlock does, of the product of what PackLeft packed and b, of which each part has its own.
func Block(ws *exec.Workspace, b Matrix, worker, m0, m1, n0, n1 int, c []float32) {
	st := states.Of(ws)
	own := &st.workers[worker]
	own.matrix = b
	computeBlock(ws, &st.product, &own.matrix, worker, m0, m1, n0, n1, c)
}

// storeTile writes or adds the top left rows×columns of a tile to c.
func storeTile(c []float32, ldc int, tile []float32, nr, rows, columns int, add bool) {
	for r := range rows {
		src := tile[r*nr:][:columns]
		dst := c[r*ldc:][:columns]
		if !add {
			copy(dst, src)
			continue
		}
		for j, v := range src {
			dst[j] += v
		}
	}
}

// Pack implements Right.
func (m *Matrix) Pack(dst []float32, nr, j0, n, k0, kc int, row []float32) {
	src := m.Data[k0*m.RowStride+j0*m.ColStride:]
	if m.ColStride == 1 {
		for p := range kc {
			PackRow(dst[p*nr:], nr, kc, src[p*m.RowStride:][:n])
		}
		return
	}
	row = row[:kc]
	for j := range n {
		CopyStrided(row, src, j*m.ColStride, m.RowStride)
		PackColumn(dst, nr, kc, j, row)
	}
	ClearLastLanes(dst, nr, kc, n)
}

// PackRow writes one row of a slab, whose panels are nr·kc apart, and zeros to the last panel's other lanes.
func PackRow(dst []float32, nr, kc int, row []float32) {
	for len(row) >= nr {
		if nr == 3 { // the portable set's: cheaper than a call of copy
			dst[0], dst[1], dst[2] = row[0], row[1], row[2]
		} else {
			copy(dst[:nr], row)
		}
		row = row[nr:]
		if len(row) == 0 {
			return
		}
		dst = dst[nr*kc:]
	}
	copy(dst, row)
	clear(dst[len(row):nr])
}

// PackColumn writes column j of a slab.
func PackColumn(dst []float32, nr, kc, j int, column []float32) {
	dst = dst[j/nr*nr*kc+j%nr:]
	for p, v := range column {
		dst[p*nr] = v
	}
}

// ClearLastLanes zeroes the lanes of the last panel beyond column n.
func ClearLastLanes(dst []float32, nr, kc, n int) {
	used := n % nr
	if used == 0 {
		return
	}
	panel := dst[n/nr*nr*kc:][:nr*kc]
	for p := range kc {
		clear(panel[p*nr+used : (p+1)*nr])
	}
}

// CopyStrided copies every stride-th element of src from position at on.
func CopyStrided(dst, src []float32, at, stride int) {
	if len(dst) == 0 {
		return
	}
	if stride == 1 {
		copy(dst, src[at:])
		return
	}
	for i := range dst {
		dst[i] = src[at+i*stride]
	}
}
