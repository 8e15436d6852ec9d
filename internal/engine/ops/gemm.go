// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

// Blocking of the matrix product: a slab of kBlock×nBlock elements of B stays in the second-level cache while the
// panels of A stream past it.
const (
	kBlock = 256
	nBlock = 240 // a multiple of every set's nr
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

// gemmArgs are the arguments of one product C = A·B, or C += A·B. The rows of A are packed beforehand into ws.packed;
// B is packed slab by slab as it is needed.
type gemmArgs struct {
	m, n, k    int
	a          Matrix
	b          bSource
	c          []float32
	ldc        int
	accumulate bool
	// taskM is the number of rows of C that one part computes, of nBlock columns.
	taskM int
}

// bSource yields the right-hand operand, k rows of n columns.
type bSource interface {
	// pack writes rows [k0, k0+kc) of columns [j0, j0+n) to dst in panels of nr columns: element (p, j) goes to
	// dst[j/nr·nr·kc + p·nr + j%nr]. Lanes of the last panel beyond n are zero. row is scratch for max(n, kc) elements.
	pack(dst []float32, nr, j0, n, k0, kc int, row []float32)
}

// Gemm computes C = A·B, or C += A·B if accumulate is set. A is m×k, B is k×n, both arbitrary strided views (pass X.T()
// for a transposed operand); C is row-major with ldc ≥ n elements a row, and overlaps neither.
func (ws *Workspace) Gemm(m, n, k int, a, b Matrix, c []float32, ldc int, accumulate bool) {
	if m == 0 || n == 0 {
		return
	}
	checkLength("gemm", "A", a.Data, a.need(m, k))
	checkLength("gemm", "B", b.Data, b.need(k, n))
	checkLength("gemm", "C", c, (m-1)*ldc+n)
	if k == 0 {
		if !accumulate {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	if m <= maxDotRows && a.ColStride == 1 && b.RowStride == 1 {
		ws.gemm = gemmArgs{m: m, n: n, k: k, a: a, c: c, ldc: ldc, accumulate: accumulate}
		ws.right = b
		ws.run(ceilDiv(n, dotColumns), dotsPart)
		return
	}
	ws.right = b
	ws.product(gemmArgs{m: m, n: n, k: k, a: a, b: &ws.right, c: c, ldc: ldc, accumulate: accumulate})
}

// A product of so few rows reads B once only, so packing it does not pay: each element of C is a dot product of a row of A
// and a column of B that lie in memory as they are.
const (
	maxDotRows = 2
	dotColumns = 64 // of a part
)

func dotsPart(ws *Workspace, _, part int) {
	g, b := &ws.gemm, &ws.right
	for j := part * dotColumns; j < min(g.n, (part+1)*dotColumns); j++ {
		column := b.Data[j*b.ColStride:][:g.k]
		for i := range g.m {
			v := float32(ws.set.DotDeviation(g.a.Data[i*g.a.RowStride:][:g.k], column, 0))
			if g.accumulate {
				v += g.c[i*g.ldc+j]
			}
			g.c[i*g.ldc+j] = v
		}
	}
}

// product packs A and computes C in parts of a grid that depends on the shape alone.
func (ws *Workspace) product(args gemmArgs) {
	args.taskM = taskRows(args.m, args.n, ws.set.TileRows)
	ws.gemm = args
	ws.packA()
	ws.run(ceilDiv(args.m, args.taskM)*ceilDiv(args.n, nBlock), gemmPart)
	ws.gemm = gemmArgs{}
}

// taskRows chooses how many rows of C one part computes: all if there are enough blocks of columns to share out, else
// some, a multiple of mr.
func taskRows(m, n, mr int) int {
	const wanted = 16
	columns := ceilDiv(n, nBlock)
	if columns >= wanted {
		return m
	}
	rows := ceilDiv(wanted, columns)
	taskM := max(ceilDiv(ceilDiv(m, rows), mr)*mr, 8*mr)
	return min(taskM, ceilDiv(m, mr)*mr)
}

// packA packs the left-hand operand into ws.packed: for each block of kBlock columns, panels of mr rows, k-major.
func (ws *Workspace) packA() {
	g, mr := &ws.gemm, ws.set.TileRows
	panels := ceilDiv(g.m, mr)
	ws.packed = grow(ws.packed, panels*mr*g.k)
	ws.run(ceilDiv(g.k, kBlock)*ceilDiv(panels, packChunk), packAPart)
}

func packAPart(ws *Workspace, worker, part int) {
	g, mr := &ws.gemm, ws.set.TileRows
	panels := ceilDiv(g.m, mr)
	chunks := ceilDiv(panels, packChunk)
	k0 := part / chunks * kBlock
	kc := min(kBlock, g.k-k0)
	first := part % chunks * packChunk
	transposed := g.a.T()
	for p := first; p < min(first+packChunk, panels); p++ {
		dst := ws.packed[panels*mr*k0+p*mr*kc:][:mr*kc]
		transposed.pack(dst, mr, p*mr, min(mr, g.m-p*mr), k0, kc, ws.workers[worker].row[:])
	}
}

func gemmPart(ws *Workspace, worker, part int) {
	g := &ws.gemm
	columns := ceilDiv(g.n, nBlock)
	m0, n0 := part/columns*g.taskM, part%columns*nBlock
	ws.block(g, g.b, worker, m0, min(g.m, m0+g.taskM), n0, min(g.n, n0+nBlock), g.c[m0*g.ldc+n0:])
}

// block computes rows [m0, m1) and columns [n0, n1) of the product with b; c starts at the element of row m0 and column
// n0. m0 is a multiple of mr and n1-n0 at most nBlock.
func (ws *Workspace) block(g *gemmArgs, b bSource, worker, m0, m1, n0, n1 int, c []float32) {
	mr, nr := ws.set.TileRows, ws.set.TileColumns
	panelsA := ceilDiv(g.m, mr)
	state := &ws.workers[worker]
	slab, tile := state.slab[:], state.tile[:mr*nr]
	for k0 := 0; k0 < g.k; k0 += kBlock {
		kc := min(kBlock, g.k-k0)
		b.pack(slab, nr, n0, n1-n0, k0, kc, state.row[:])
		add := g.accumulate || k0 > 0
		for i := m0; i < m1; i += mr {
			a := ws.packed[panelsA*mr*k0+i*kc:][:mr*kc]
			for j := n0; j < n1; j += nr {
				ws.set.GemmTile(kc, a, slab[(j-n0)*kc:][:nr*kc], tile)
				storeTile(c[(i-m0)*g.ldc+j-n0:], g.ldc, tile, nr, min(mr, m1-i), min(nr, n1-j), add)
			}
		}
	}
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

// pack implements bSource.
func (m *Matrix) pack(dst []float32, nr, j0, n, k0, kc int, row []float32) {
	src := m.Data[k0*m.RowStride+j0*m.ColStride:]
	if m.ColStride == 1 {
		for p := range kc {
			scatterRow(dst[p*nr:], nr, kc, src[p*m.RowStride:][:n])
		}
		return
	}
	row = row[:kc]
	for j := range n {
		copyStrided(row, src, j*m.ColStride, m.RowStride)
		scatterColumn(dst, nr, kc, j, row)
	}
	clearLastLanes(dst, nr, kc, n)
}

// scatterRow writes one row of a slab, whose panels are nr·kc apart, and zeros to the last panel's other lanes.
func scatterRow(dst []float32, nr, kc int, row []float32) {
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

// scatterColumn writes column j of a slab.
func scatterColumn(dst []float32, nr, kc, j int, column []float32) {
	dst = dst[j/nr*nr*kc+j%nr:]
	for p, v := range column {
		dst[p*nr] = v
	}
}

// clearLastLanes zeroes the lanes of the last panel beyond column n.
func clearLastLanes(dst []float32, nr, kc, n int) {
	used := n % nr
	if used == 0 {
		return
	}
	panel := dst[n/nr*nr*kc:][:nr*kc]
	for p := range kc {
		clear(panel[p*nr+used : (p+1)*nr])
	}
}
