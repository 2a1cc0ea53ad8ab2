package main

import "sae/wasm/simd/asm"

// Sizes of the blocks of a product. The documentation of package simd explains them.
const (
	panelCols  = 8             // columns in a panel of op(B): two vectors
	groupCols  = 8 * panelCols // columns packed at a time: four cache lines of each row of B
	blockDepth = 384           // KC: the part of k that is summed in registers
	blockTiles = 22            // MC: tiles of rows of op(A) that are packed
	blockCols  = 512           // NC: columns of op(B) that are packed
	directRows = 8             // with fewer rows, packing B does not pay

	float    = 4  // bytes
	line     = 64 // of the cache
	vector   = 4 * float
	panelRow = panelCols * float
)

// gemm holds the functions of the matrix product. Slices are indexed by the number of
// rows or columns that a function processes.
type gemm struct {
	kernels
	copyPanels     []*asm.Func
	transposePanel []*asm.Func
	copyEdge       *asm.Func
	copyTile       *asm.Func
	tiles          []*asm.Func
}

// sgemm adds the function
//
//	sgemm(transA, transB, m, n, k int32, alpha float32, a *float32, lda int32,
//		b *float32, ldb int32, beta float32, c *float32, ldc int32, scratch *float32)
//
// which computes, with op(X) the matrix X or, if trans is 1, its transpose,
//
//	for i < m, j < n:
//		C[i][j] = alpha · Σ_{p<k} op(A)[i][p] · op(B)[p][j] + beta · C[i][j]
//
// for m, n and k of at least 1. If beta is 0, C is not read.
//
// It also adds scratch_floats, which returns the size of the scratch memory.
func (k kernels) sgemm() {
	g := gemm{kernels: k}
	g.copyPanels = make([]*asm.Func, panelCols+1)
	g.transposePanel = make([]*asm.Func, panelCols+1)
	g.tiles = make([]*asm.Func, k.tileRows+1)
	for rows := 1; rows <= k.tileRows; rows++ {
		g.copyPanels[rows] = g.newCopyPanels(rows)
		g.transposePanel[rows] = g.newTransposePanel(rows)
		g.tiles[rows] = g.newTile(rows)
	}
	g.copyPanels[panelCols] = g.newCopyPanels(panelCols)
	g.transposePanel[panelCols] = g.newTransposePanel(panelCols)
	g.copyEdge = g.newCopyEdge()
	g.copyTile = g.newCopyTile()
	packA := g.newPackA()
	packB := g.newPackB()
	multiply := g.newMultiply()

	maxRows := blockTiles * k.tileRows
	bytesA := maxRows * blockDepth * float
	bytesB := blockCols * blockDepth * float
	bytesEdge := k.tileRows * panelRow
	k.Func("scratch_floats").Return(asm.Const((bytesA + bytesB + bytesEdge) / float))

	f := k.Func("sgemm")
	transA, transB := f.I32Param(), f.I32Param()
	m, n, depth := f.I32Param(), f.I32Param(), f.I32Param()
	alpha := f.F32Param()
	a, lda := f.I32Param(), f.I32Param()
	b, ldb := f.I32Param(), f.I32Param()
	beta := f.F32Param()
	c, ldc := f.I32Param(), f.I32Param()
	packedA := f.I32Param()

	packedB, edge := f.I32(), f.I32()
	strideAi, strideAp, strideBp, strideBj := f.I32(), f.I32(), f.I32(), f.I32()
	once, direct, maxCols := f.I32(), f.I32(), f.I32()
	row, col, p, group := f.I32(), f.I32(), f.I32(), f.I32()
	rows, cols, sumDepth, groupWidth := f.I32(), f.I32(), f.I32(), f.I32()
	source, panels := f.I32(), f.I32()
	blockBeta := f.F32()

	packedB.Set(packedA.AddConst(bytesA))
	edge.Set(packedB.AddConst(bytesB))
	// Strides of op(A) and op(B) in bytes, from one element to the next i, p or j.
	four := asm.Const(float)
	lda.Set(lda.Mul(four))
	ldb.Set(ldb.Mul(four))
	ldc.Set(ldc.Mul(four))
	strideAi.Set(transA.Select(four, lda))
	strideAp.Set(transA.Select(lda, four))
	strideBp.Set(transB.Select(four, ldb))
	strideBj.Set(transB.Select(ldb, four))
	// If one block contains all rows of op(A), each panel of op(B) is used only once,
	// right after it was packed.
	once.Set(m.LessThan(asm.Const(maxRows + 1)))
	maxCols.Set(once.Select(n, asm.Const(blockCols)))
	direct.Set(transB.Equal(asm.Const(0)).And(m.LessThan(asm.Const(directRows))))

	f.For(col, asm.Const(0), n, maxCols, func() {
		cols.Set(maxCols.Min(n.Sub(col)))
		f.For(p, asm.Const(0), depth, asm.Const(blockDepth), func() {
			sumDepth.Set(asm.Const(blockDepth).Min(depth.Sub(p)))
			blockBeta.Set(beta)
			f.If(p, func() { blockBeta.Set(asm.ConstF32(1)) })
			f.For(row, asm.Const(0), m, asm.Const(maxRows), func() {
				rows.Set(asm.Const(maxRows).Min(m.Sub(row)))
				f.Call(packA, transA, rows, sumDepth,
					a.Add(row.Mul(strideAi)).Add(p.Mul(strideAp)), lda, packedA)
				f.For(group, asm.Const(0), cols, asm.Const(groupCols), func() {
					groupWidth.Set(asm.Const(groupCols).Min(cols.Sub(group)))
					source.Set(b.Add(p.Mul(strideBp)).Add(col.Add(group).Mul(strideBj)))
					panels.Set(packedB.Add(once.Select(asm.Const(0), group.Mul(sumDepth).Mul(four))))
					f.If(row.Equal(asm.Const(0)), func() {
						f.Call(packB, transB, direct, groupWidth, sumDepth, source, ldb, panels)
					})
					f.Call(multiply, rows, groupWidth, sumDepth, packedA,
						direct.Select(source, panels),
						direct.Select(asm.Const(panelRow), sumDepth.Mul(asm.Const(panelRow))),
						direct.Select(ldb, asm.Const(panelRow)),
						panels.Add(groupWidth.Div(asm.Const(panelCols)).Mul(sumDepth).Mul(asm.Const(panelRow))),
						c.Add(row.Mul(ldc)).Add(col.Add(group).Mul(four)), ldc, alpha, blockBeta, edge)
				})
			})
		})
	})
}

// tiling divides a block's rows into as few tiles as possible, of two heights that differ
// by one, instead of full tiles and a small rest. Rows below tall are in tiles of the
// larger height.
type tiling struct {
	rows, tall, height asm.I32
}

func (k kernels) newTiling(f *asm.Func, rows asm.I32) tiling {
	t := tiling{rows: rows, tall: f.I32(), height: f.I32()}
	tiles := t.tall // a variable for two uses
	tiles.Set(rows.AddConst(k.tileRows - 1).Div(asm.Const(k.tileRows)))
	t.height.Set(rows.Add(tiles).AddConst(-1).Div(tiles))
	t.tall.Set(rows.Sub(t.height.AddConst(-1).Mul(tiles)).Mul(t.height))
	return t
}

// byHeight emits the body for each height from 1 to tileRows, and runs the one for the
// given height.
func (k kernels) byHeight(f *asm.Func, height asm.I32, body func(rows int)) {
	var choose func(rows int)
	choose = func(rows int) {
		if rows == 1 {
			body(1)
			return
		}
		f.IfElse(height.Equal(asm.Const(rows)), func() { body(rows) }, func() { choose(rows - 1) })
	}
	choose(k.tileRows)
}

// forTiles runs the body for each tile.
func (k kernels) forTiles(f *asm.Func, t tiling, body func(rows int)) {
	row, height := f.I32(), f.I32()
	row.Set(asm.Const(0))
	f.While(row.LessThan(t.rows), func() {
		height.Set(t.height.Sub(row.AtLeast(t.tall)))
		k.byHeight(f, height, func(rows int) {
			body(rows)
			row.Set(row.AddConst(rows))
		})
	})
}

// newPackA returns a function that packs a block of op(A) into panels as high as the
// tiles. A panel of h rows stores the h elements of each p contiguously.
func (g gemm) newPackA() *asm.Func {
	f := g.Func("")
	transposed, rows, depth, source, stride, target := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	t := g.newTiling(f, rows)
	f.IfElse(transposed, func() { // A[p][i]
		g.byHeight(f, t.height, func(h int) {
			f.Call(g.copyPanels[h], t.tall.Div(t.height), depth, source, stride, target)
		})
		source.Set(source.Add(t.tall.Mul(asm.Const(float))))
		target.Set(target.Add(t.tall.Mul(depth).Mul(asm.Const(float))))
		f.If(t.tall.LessThan(rows), func() {
			height := t.height
			height.Set(height.AddConst(-1))
			g.byHeight(f, height, func(h int) {
				f.Call(g.copyPanels[h], rows.Sub(t.tall).Div(height), depth, source, stride, target)
			})
		})
	}, func() { // A[i][p]
		g.forTiles(f, t, func(h int) {
			f.Call(g.transposePanel[h], depth, source, stride, target)
			source.Set(source.Add(stride.Mul(asm.Const(h))))
			target.Set(target.Add(depth.Mul(asm.Const(h * float))))
		})
	})
	return f
}

// newPackB returns a function that packs the panels of a group of columns of op(B). A
// panel stores the 8 elements of each p contiguously. If direct, full panels are not
// packed.
func (g gemm) newPackB() *asm.Func {
	f := g.Func("")
	transposed, direct := f.I32Param(), f.I32Param()
	width, depth, source, stride, target := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	full, strideJ, strideP := f.I32(), f.I32(), f.I32()
	four := asm.Const(float)
	full.Set(width.Div(asm.Const(panelCols)))
	width.Set(width.Sub(full.Mul(asm.Const(panelCols)))) // of the rest
	strideJ.Set(transposed.Select(stride, four))
	strideP.Set(transposed.Select(four, stride))
	f.IfElse(transposed, func() { // B[j][p]
		f.While(full, func() {
			f.Call(g.transposePanel[panelCols], depth, source, stride, target)
			source.Set(source.Add(stride.Mul(asm.Const(panelCols))))
			target.Set(target.Add(depth.Mul(asm.Const(panelRow))))
			full.Set(full.AddConst(-1))
		})
	}, func() { // B[p][j]
		f.If(direct.Equal(asm.Const(0)), func() {
			f.Call(g.copyPanels[panelCols], full, depth, source, stride, target)
		})
		source.Set(source.Add(full.Mul(asm.Const(panelRow))))
		target.Set(target.Add(full.Mul(depth).Mul(asm.Const(panelRow))))
	})
	f.If(width, func() {
		f.Call(g.copyEdge, width, depth, source, strideJ, strideP, target)
	})
	return f
}

// newCopyPanels returns a function that packs panels of the given width whose elements of
// each p are contiguous in the source:
//
//	for p < depth, q < panels, i < width:
//		target[q·width·depth + p·width + i] = source[p·stride + q·width + i]
//
// It iterates along the source's rows, because elements a stride apart tend to evict each
// other from the cache.
func (g gemm) newCopyPanels(width int) *asm.Func {
	f := g.Func("")
	panels, depth, source, stride, target := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	p, q, from, to, panelBytes := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	panelBytes.Set(depth.Mul(asm.Const(width * float)))
	f.For(p, asm.Const(0), depth, asm.Const(1), func() {
		from.Set(source)
		to.Set(target)
		f.For(q, asm.Const(0), panels, asm.Const(1), func() {
			i := 0
			for ; i+4 <= width; i += 4 {
				f.StoreF32x4(to, i*float, from.LoadF32x4(i*float))
			}
			if i+2 <= width {
				f.StorePair(to, i*float, from.LoadPair(i*float), 0)
				i += 2
			}
			if i < width {
				f.StoreF32(to, i*float, from.LoadF32(i*float))
			}
			from.Set(from.AddConst(width * float))
			to.Set(to.Add(panelBytes))
		})
		source.Set(source.Add(stride))
		target.Set(target.AddConst(width * float))
	})
	return f
}

// newTransposePanel returns a function that packs a panel of the given width whose
// elements of each p are a stride apart in the source:
//
//	for p < depth, i < width:
//		target[p·width + i] = source[i·stride + p]
func (g gemm) newTransposePanel(width int) *asm.Func {
	f := g.Func("")
	depth, source, stride, target := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	rows := make([]asm.I32, width)
	for i := range rows {
		rows[i] = f.I32()
		if i == 0 {
			rows[i].Set(source)
		} else {
			rows[i].Set(rows[i-1].Add(stride))
		}
	}
	advance := func(elements int) {
		for _, row := range rows {
			row.Set(row.AddConst(elements * float))
		}
		target.Set(target.AddConst(elements * width * float))
		depth.Set(depth.AddConst(-elements))
	}
	var x, y [4]asm.F32x4
	for i := range x {
		x[i], y[i] = f.F32x4(), f.F32x4()
	}
	// Transposes four elements, from the p-th on, of up to four rows.
	transpose := func(i, p int) {
		at, to := p*float, func(q int) int { return ((p+q)*width + i) * float }
		switch width - i {
		default: // four rows or more
			for l := range x {
				x[l].Set(rows[i+l].LoadF32x4(at))
			}
			y[0].Set(x[0].Shuffle(x[1], 0, 4, 1, 5))
			y[1].Set(x[0].Shuffle(x[1], 2, 6, 3, 7))
			y[2].Set(x[2].Shuffle(x[3], 0, 4, 1, 5))
			y[3].Set(x[2].Shuffle(x[3], 2, 6, 3, 7))
			f.StoreF32x4(target, to(0), y[0].Shuffle(y[2], 0, 1, 4, 5))
			f.StoreF32x4(target, to(1), y[0].Shuffle(y[2], 2, 3, 6, 7))
			f.StoreF32x4(target, to(2), y[1].Shuffle(y[3], 0, 1, 4, 5))
			f.StoreF32x4(target, to(3), y[1].Shuffle(y[3], 2, 3, 6, 7))
		case 2, 3:
			x[0].Set(rows[i].LoadF32x4(at))
			x[1].Set(rows[i+1].LoadF32x4(at))
			y[0].Set(x[0].Shuffle(x[1], 0, 4, 1, 5))
			y[1].Set(x[0].Shuffle(x[1], 2, 6, 3, 7))
			for q := range 4 {
				f.StorePair(target, to(q), y[q/2], byte(q%2))
			}
		case 1:
			x[0].Set(rows[i].LoadF32x4(at))
			for q := range 4 {
				f.StoreLane(target, to(q), x[0], byte(q))
			}
		}
	}
	// A cache line of each row is used completely before the next, because rows that are a
	// multiple of 4 KiB apart evict each other.
	for _, elements := range []int{line / float, 4} {
		f.While(depth.AtLeast(asm.Const(elements)), func() {
			for i := 0; i < width; {
				for p := 0; p < elements; p += 4 {
					transpose(i, p)
				}
				switch rest := width - i; {
				case rest >= 4:
					i += 4
				case rest >= 2:
					i += 2
				default:
					i++
				}
			}
			advance(elements)
		})
	}
	f.While(depth, func() {
		for i, row := range rows {
			f.StoreF32(target, i*float, row.LoadF32(0))
		}
		advance(1)
	})
	return f
}

// newCopyEdge returns a function that packs the panel at the right edge of op(B), which
// has fewer than 8 columns. The other columns stay undefined and affect only results that
// are discarded.
//
//	for p < depth, j < width:
//		target[p·8 + j] = source[p·strideP + j·strideJ]
func (g gemm) newCopyEdge() *asm.Func {
	f := g.Func("")
	width, depth, source, strideJ, strideP, target := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	from, to, end := f.I32(), f.I32(), f.I32()
	f.While(depth, func() {
		from.Set(source)
		to.Set(target)
		end.Set(target.Add(width.Mul(asm.Const(float))))
		f.While(to.LessThan(end), func() {
			f.StoreF32(to, 0, from.LoadF32(0))
			from.Set(from.Add(strideJ))
			to.Set(to.AddConst(float))
		})
		source.Set(source.Add(strideP))
		target.Set(target.AddConst(panelRow))
		depth.Set(depth.AddConst(-1))
	})
	return f
}

// newMultiply returns a function that multiplies packed rows of op(A) by a group of panels
// of op(B) with width columns in total:
//
//	for i < rows, j < width:
//		c[i][j] = alpha · Σ_{p<depth} a[i][p] · b[p][j] + beta · c[i][j]
//
// The panels are panelBytes apart, and their rows strideB. A last panel with fewer than 8
// columns is packed at edgeB. The function iterates along the rows of C, so that cache
// lines of C are written completely.
func (g gemm) newMultiply() *asm.Func {
	f := g.Func("")
	rows, width, depth := f.I32Param(), f.I32Param(), f.I32Param()
	a, b, panelBytes, strideB, edgeB := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	c, ldc := f.I32Param(), f.I32Param()
	alpha, beta := f.F32Param(), f.F32Param()
	edge := f.I32Param()
	t := g.newTiling(f, rows)
	panel, rest, to := f.I32(), f.I32(), f.I32()
	edgeStride := asm.Const(panelRow)
	g.forTiles(f, t, func(h int) {
		panel.Set(b)
		rest.Set(width)
		to.Set(c)
		f.While(rest.AtLeast(asm.Const(panelCols)), func() {
			f.Call(g.tiles[h], depth, a, panel, strideB, to, ldc, alpha, beta)
			panel.Set(panel.Add(panelBytes))
			rest.Set(rest.AddConst(-panelCols))
			to.Set(to.AddConst(panelRow))
		})
		f.If(rest, func() {
			// A tile at the edge is computed in a buffer, by the same instructions as
			// any other.
			f.If(beta.NotEqual(asm.ConstF32(0)), func() {
				f.Call(g.copyTile, asm.Const(h), rest, to, ldc, edge, edgeStride)
			})
			f.Call(g.tiles[h], depth, a, edgeB, edgeStride, edge, edgeStride, alpha, beta)
			f.Call(g.copyTile, asm.Const(h), rest, edge, edgeStride, to, ldc)
		})
		a.Set(a.Add(depth.Mul(asm.Const(h * float))))
		c.Set(c.Add(ldc.Mul(asm.Const(h))))
	})
	return f
}

// newCopyTile returns a function that copies a part of a tile.
func (g gemm) newCopyTile() *asm.Func {
	f := g.Func("")
	rows, width, source, sourceStride, target, targetStride := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	i, bytes := f.I32(), f.I32()
	bytes.Set(width.Mul(asm.Const(float)))
	f.While(rows, func() {
		f.For(i, asm.Const(0), bytes, asm.Const(float), func() {
			f.StoreF32(target.Add(i), 0, source.Add(i).LoadF32(0))
		})
		source.Set(source.Add(sourceStride))
		target.Set(target.Add(targetStride))
		rows.Set(rows.AddConst(-1))
	})
	return f
}

// newTile returns a function that computes a tile of C of the given height:
//
//	for i < rows, j < 8:
//		sum = Σ_{p<depth} a[p·rows + i] · b[p·strideB + j]
//		c[i·ldc + j] = alpha·sum + beta·c[i·ldc + j]
//
// It keeps the sums in registers and adds in the order of p. For each p, it loads two
// vectors of b and, one after the other, the numbers of a.
func (g gemm) newTile(rows int) *asm.Func {
	f := g.Func("")
	depth, a, b, strideB := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	c, ldc := f.I32Param(), f.I32Param()
	alpha, beta := f.F32Param(), f.F32Param()
	const vectors = panelCols / 4
	var b_ [vectors]asm.F32x4
	for j := range b_ {
		b_[j] = f.F32x4()
	}
	ai := f.F32x4()
	sums := make([][vectors]asm.F32x4, rows)
	for i := range sums {
		for j := range sums[i] {
			sums[i][j] = f.F32x4()
		}
	}
	end, unrolledEnd := f.I32(), f.I32()

	aRow := rows * float
	addProducts := func(p int) {
		for j := range b_ {
			b_[j].Set(b.LoadF32x4(j * vector))
		}
		b.Set(b.Add(strideB))
		for i := range sums {
			ai.Set(a.LoadSplat(p*aRow + i*float))
			for j, sum := range sums[i] {
				sum.Set(g.mulAdd(ai, b_[j], sum))
			}
		}
	}
	const unroll = 4
	end.Set(a.Add(depth.Mul(asm.Const(aRow))))
	unrolledEnd.Set(end.AddConst(-(unroll - 1) * aRow))
	f.While(a.LessThan(unrolledEnd), func() {
		for p := range unroll {
			addProducts(p)
		}
		a.Set(a.AddConst(unroll * aRow))
	})
	f.While(a.LessThan(end), func() {
		addProducts(0)
		a.Set(a.AddConst(aRow))
	})

	scale := ai
	scale.Set(alpha.Splat())
	store := func(old func(j int) asm.F32x4) {
		for i := range sums {
			for j, sum := range sums[i] {
				f.StoreF32x4(c, j*vector, g.mulAdd(scale, sum, old(j)))
			}
			if i < rows-1 {
				c.Set(c.Add(ldc))
			}
		}
	}
	f.IfElse(beta.NotEqual(asm.ConstF32(0)), func() {
		b_[0].Set(beta.Splat())
		store(func(j int) asm.F32x4 { return b_[0].Mul(c.LoadF32x4(j * vector)) })
	}, func() {
		store(func(int) asm.F32x4 { return asm.Splat(0) })
	})
	return f
}
