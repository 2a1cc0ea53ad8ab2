package webgpu

// updateTile returns the tile for the gradients of all kernels. A small one reads more than a
// large one, but pays where kernels are so narrow that it computes half as much beyond them.
func (n *network) updateTile() tile {
	large, small := tile{64, 64, 16}, tile{32, 32, 16}
	work := func(t tile) (elements int) {
		for l := 1; l <= n.last(); l++ {
			elements += ceil(4*n.widths[l-1], t.rows) * ceil(4*n.widths[l], t.columns) * t.rows * t.columns
		}
		return elements
	}
	if 2*work(small) <= work(large) {
		return small
	}
	return large
}

// update multiplies the gradients of all kernels, and changes the parameters by Adam. One
// workgroup stores the losses.
func (n *network) update() Kernel {
	t := n.updateTile()
	partM, partN := false, false
	layers, start := "", 0
	for l := 1; l <= n.last(); l++ {
		rows, columns := 4*n.widths[l-1], 4*n.widths[l]
		partM, partN = partM || rows%t.rows != 0, partN || columns%t.columns != 0
		across := ceil(columns, t.columns)
		h, g := 0, 0
		if l > 1 {
			h = n.h[l-1]
		}
		if l < n.last() {
			g = n.g[l]
		}
		end := start + ceil(rows, t.rows)*across
		also := ""
		if l == n.latent()+1 && n.Aux > 0 {
			also = wgsl("if (!($none)) { k1 = $k1; } ", "none", n.noneDead(), "k1", 2*n.rows)
		}
		layers += wgsl("if (number >= $start && number < $end) { layer = $l; M = $rows; N = $columns; h = $h; d = $d; kernel = $kernel; bias = $bias; at = number - $start; across = $across; $also}\n  ",
			"start", start, "end", end, "l", l, "rows", rows, "columns", columns, "h", h, "d", g, "kernel", n.kernels[l], "bias", n.biases[l], "across", across, "also", also)
		start = end
	}
	p := product{tile: t, a: operand{part: partM}, b: operand{part: partN}, sums: true, short: n.Aux > 0}
	end := "const k1 = SUM;" // of the sums; with AuxK, dead units add theirs
	if n.Aux > 0 {
		end = "var k1 = SUM;"
	}
	memory := p.memory()
	// The numbers of the images of the batch, where there is room for them.
	numbers, look, find := "", "", wgsl("order[step.first + i] * $width", "width", n.widths[0])
	if 16*memory+4*n.rows <= min(n.limits.Workgroup, 16<<10) {
		numbers = wgsl("var<workgroup> rows: array<u32, $rows>;", "rows", n.rows)
		look = wgsl("if (layer == 1u) { for (var i = t; i < $rows; i += $threads) { rows[i] = $find; } }\n  workgroupBarrier();", "rows", n.rows, "threads", p.threads(), "find", find)
		find = "rows[i]"
	}
	change := ""
	if n.Unit { // without the part that is parallel to the direction
		change += wgsl("if (layer == $decoder) { gradient -= $g[$parallel + m / 4u][m % 4u] * w[at]; } ", "decoder", n.latent()+1, "g", parity(n.latent()+1), "parallel", n.parallel)
	}
	if n.Center { // of images without the centre
		change += wgsl("if (layer == 1u) { gradient -= g[$centre + m / 4u][m % 4u] * sum; } ", "centre", n.centre)
	}
	k := Kernel{Name: "update", Threads: p.threads(), Grid: [2]int{1 + start, 1},
		Reads: []string{images, order, even, odd, output}, Writes: []string{parameters, moments, losses}}
	k.Code = wgsl(`const SUM = $rows;
var<workgroup> tile: array<vec4f, $memory>;
$numbers
var<private> layer: u32; var<private> M: u32; var<private> N: u32;
var<private> h: u32; var<private> d: u32; var<private> kernel: u32;
fn rowA(i: u32) -> u32 { if (layer == 1u) { return $find; } return h + i * (M / 4u); }
fn atA(i: u32) -> vec4f { if (layer == 1u) { return $pixels; } if (layer % 2u == 1u) { return even[i]; } return odd[i]; }
fn rowB(i: u32) -> u32 { return d + i * (N / 4u); }
fn atB(i: u32) -> vec4f { if (layer == $last) { return g[i]; } if (layer % 2u == 1u) { return even[i]; } return odd[i]; }
fn adam(i: u32, gradient: vec4f) {
  let m = mv[i]; let v = mv[$total + i];
  let newM = m + (gradient - m) * $beta1; let newV = v + (gradient * gradient - v) * $beta2;
  mv[i] = newM; mv[$total + i] = newV;
  w[i] -= step.rate * newM / (sqrt(newV) + $epsilon);
}
fn finish(m: u32, n4: u32, v: vec4f, sum: vec4f) {
  let at = kernel + m * (N / 4u) + n4; var gradient = v;
  $change
  adam(at, gradient);
}
$lossSums
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  if (id.x == 0u) { lossSums(t); return; }
  let number = id.x - 1u;
  var bias = 0u; var at = 0u; var across = 1u; $end
  $layers
  $look
  let m0 = at / across * $high; let n0 = at % across * $columns;
  const k0 = 0u;
$body
  if (m0 == 0u && ty == 0u && n0 + 4u * tx < N) { adam(bias + n0 / 4u + tx, sum); }
}`, "memory", memory, "numbers", numbers, "find", find, "last", n.last(), "total", n.total,
		"beta1", 1-n.adam.Beta1, "beta2", 1-n.adam.Beta2, "epsilon", n.adam.Epsilon, "lossSums", n.lossSums(p.threads()), "threads", p.threads(),
		"layers", layers, "look", look, "high", t.rows, "columns", t.columns, "rows", n.rows, "body", p.body(), "change", change, "pixels", n.pixels("i"), "end", end)
	return n.complete(k)
}
