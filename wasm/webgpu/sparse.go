package webgpu

import "math/bits"

// This file has what TopK, AuxK, directions of unit norm and images without their mean
// add to a step. Package nn has their formulas.
//
// With AuxK, the latent layer's activations h are followed by those of its dead units, z, and
// the last layer's gradient g by AuxK's with respect to z·W, the auxiliary gradient. A unit
// is dead only if no image of the batch activates it. So either its h or its z are zeros,
// and both halves go through the same products, as if the batch had twice the images.

// whole reports whether a kernel derives a layer's gradient unit by unit, for all images of
// the batch: see latentGradient.
func (n *network) whole(l int) bool { return l == n.latent() && (n.Unit || n.Aux > 0) }

// lossAt is where the parts of the loss begin in output.
func (n *network) lossAt() int { return n.centre - n.lossParts() }

// noneDead is a WGSL condition: there are no dead units. The kernel must only read the buffer
// of the latent layer's activations, so that the condition is uniform.
func (n *network) noneDead() string {
	return wgsl("$h[$found].x == 0", "h", parity(n.latent()), "found", n.found)
}

// rowThreads is the number of threads that take a row of so many vec4f.
func rowThreads(width int) int { return min(256, max(32, 1<<bits.Len(uint(width-1)))) }

// largest is WGSL of a row of width vec4f, not negative, of which kept returns those among
// the k largest, and 0 for the others. Of equal numbers, those with the lowest index are
// kept. NaN counts as larger than any number.
func largest(width, k int) string {
	return wgsl(`var<workgroup> row: array<vec4f, $width>;
fn kept(n4: u32) -> vec4f {
  let x = bitcast<vec4u>(row[n4]); let own = 4u * n4 + vec4u(0u, 1u, 2u, 3u);
  var rank = vec4u();
  for (var j = 0u; j < $width; j++) {
    let y = bitcast<vec4u>(row[j]);
$ranks
  }
  return select(vec4f(), row[n4], rank < vec4u($k));
}`, "width", width, "k", k, "ranks", each(4, func(c int) string {
		return wgsl("    rank += select(vec4u(), vec4u(1u), (vec4u(y.$c) > x) | ((vec4u(y.$c) == x) & (vec4u(4u * j + $i) < own)));", "c", "xyzw"[c:c+1], "i", c)
	}))
}

// topK keeps the K largest latent activations of each image, whose sums come in parts. With
// AuxK, it also copies all of them, and notes which units are active.
func (n *network) topK(count int) Kernel {
	l := n.latent()
	width := n.widths[l]
	k := Kernel{Name: "largest", Writes: []string{parity(l)}, Threads: rowThreads(width), Grid: [2]int{n.rows, 1}}
	read := n.activation(l) + "row[n4] = a;"
	if count > 1 {
		k.Reads = []string{parts, parameters}
		read = "let v = " + addParts(wgsl("m * $width + n4", "width", width), n.rows*width, count) + "; " + n.activate(l) + " row[n4] = x;"
	}
	note := ""
	if n.Aux > 0 {
		k.Writes = append(k.Writes, active)
		note = wgsl("$h[$at + ($rows + m) * $width + n4] = row[n4];\n    if (step.number > 0u && m < step.n) { ", "h", parity(l), "at", n.h[l], "rows", n.rows, "width", width) +
			joined(4, " ", func(c int) string {
				return wgsl("if (x.$c != 0) { atomicStore(&lastActive[4u * n4 + $i], step.number); }", "c", "xyzw"[c:c+1], "i", c)
			}) + " }"
	}
	k.Code = wgsl(`$largest
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  let m = id.x;
  for (var n4 = t; n4 < $width; n4 += $threads) { $read }
  workgroupBarrier();
  for (var n4 = t; n4 < $width; n4 += $threads) {
    let x = kept(n4);
    $h[$at + m * $width + n4] = x;
    $note
  }
}`, "largest", largest(width, n.K), "threads", k.Threads, "width", width, "read", read, "h", parity(l), "at", n.h[l], "note", note)
	return n.complete(k)
}

// dead finds the dead units: those that have been active in none of the last DeadSteps
// steps, nor in this one. Of their activations, it keeps half as many per image as an image
// has values, and sets those of other units to 0.
func (n *network) dead() Kernel {
	l := n.latent()
	width, most := n.widths[l], max(1, n.InputDims/2)
	keep, function := wgsl("var<workgroup> row: array<vec4f, $width>;", "width", width), "row[n4]"
	if n.LatentDims > most {
		keep, function = largest(width, most), "kept(n4)"
	}
	k := Kernel{Name: "dead units", Reads: []string{active}, Writes: []string{parity(l)}, Threads: rowThreads(width), Grid: [2]int{n.rows, 1}}
	k.Code = wgsl(`var<workgroup> found: atomic<u32>;
$keep
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  let m = id.x;
  for (var n4 = t; n4 < $width; n4 += $threads) {
    let units = 4u * n4 + vec4u(0u, 1u, 2u, 3u);
    let last = vec4u(lastActive[units.x], lastActive[units.y], lastActive[units.z], lastActive[units.w]);
    let dead = (vec4u(step.number) - last > vec4u($steps)) & (units < vec4u($units));
    if (any(dead)) { atomicStore(&found, 1u); }
    row[n4] = select(vec4f(), $h[$at + m * $width + n4], dead & vec4<bool>(m < step.n));
  }
  workgroupBarrier();
  for (var n4 = t; n4 < $width; n4 += $threads) { $h[$at + m * $width + n4] = $kept; }
  if (m == 0u && t == 0u) { $h[$found] = vec4f(f32(atomicLoad(&found))); }
}`, "keep", keep, "kept", function, "threads", k.Threads, "width", width, "steps", n.DeadSteps, "units", n.LatentDims,
		"h", parity(l), "at", n.h[l]+n.rows*width, "found", n.found)
	return n.complete(k)
}

// auxError computes the auxiliary gradient α·(scale·z·W + g): the dead units reconstruct the
// error that the others leave.
func (n *network) auxError() Kernel {
	l := n.last()
	columns, depth := n.widths[l], n.widths[l-1]
	p := n.productOf(columns, depth)
	load := reading("A", parity(l-1), n.h[l-1]+n.rows*depth, depth)
	finish := wgsl("let i = m * $width + n4; g[$at + i] = $alpha * (step.scale * v + g[i]);", "width", columns, "at", n.rows*columns, "alpha", n.Aux)
	k := Kernel{Name: "auxiliary gradient", Reads: []string{parity(l - 1), parameters}, Writes: []string{output}}
	return n.multiply(k, p, n.rows, columns, depth, 1, 4*depth, load+"\n"+n.weights(l), "if ("+n.noneDead()+") { return; }", finish, "")
}

// latentGradient computes the gradient of the latent layer from parts of its sums. With
// directions of unit norm, it also multiplies each of them with its gradient: with w a
// direction, a the activations of its unit, and g the gradient of the layer above, that is
//
//	(aᵀ·g)·w = aᵀ·(g·w)
func (n *network) latentGradient(count int) Kernel {
	const threads = 64
	l := n.latent()
	width, rows, aux := n.widths[l], n.rows, ""
	if n.Aux > 0 {
		rows *= 2
		at := wgsl("(m + $rows) * $width + n4", "rows", n.rows, "width", width)
		aux = wgsl(`let b = $h[$at + $i];
    let u = select(vec4f(), $parts, b > vec4f());
    $g[$gAt + m * $width + n4] = x + u; s += b * u;`, "h", parity(l), "at", n.h[l], "i", at, "parts", addParts(at, rows*width, count),
			"g", parity(l+1), "gAt", n.g[l], "width", width)
	}
	return n.complete(Kernel{Name: "latent gradient", Reads: []string{parts, parity(l)}, Writes: []string{parity(l + 1)}, Threads: threads, Grid: [2]int{width, 1}, Code: wgsl(`var<workgroup> tile: array<vec4f, $threads>;
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  let n4 = id.x; var s = vec4f();
  for (var m = t; m < $rows; m += $threads) {
    let v = $parts;
    $derive
    s += a * v;
    $aux
  }
  $addUp
  if (t == 0u) { $g[$parallel + n4] = tile[0]; }
}`, "threads", threads, "rows", n.rows, "parts", addParts(wgsl("m * $width + n4", "width", width), rows*width, count), "derive", n.derive(l), "aux", aux,
		"addUp", addUp("s", threads), "g", parity(l+1), "parallel", n.parallel)})
}

// afterUpdate gives the decoder's directions unit norm. With a centre μ, Adam has changed
// b + μ·W, where W and b are the first layer's, and so b changes by −μ·ΔW.
func (n *network) afterUpdate() Kernel {
	const threads = 256
	units, shifts, decoder := 0, 0, n.latent()+1
	if n.Unit {
		units = n.LatentDims
	}
	if n.Center {
		shifts = n.widths[1]
	}
	return n.complete(Kernel{Name: "after the update", Reads: []string{moments, output}, Writes: []string{parameters}, Threads: threads, Grid: [2]int{units + shifts, 1}, Code: wgsl(`var<workgroup> tile: array<vec4f, $threads>;
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  let n4 = id.x - $units; let at = $decoder + id.x * $width;
  var s = vec4f();
  if (id.x < $units) {
    for (var i = t; i < $width; i += $threads) { s += w[at + i] * w[at + i]; }
  } else {
    for (var m = t; m < $dims; m += $threads) {
      let i = $first + m * $columns + n4;
      s += g[$centre + m / 4u][m % 4u] * step.rate * mv[i] / (sqrt(mv[$total + i]) + $epsilon);
    }
  }
  $addUp
  workgroupBarrier();
  s = tile[0];
  if (id.x >= $units) {
    if (t == 0u) { w[$bias + n4] += s; }
    return;
  }
  let squares = dot(s, vec4f(1));
  if (squares == 0) { return; }
  for (var i = t; i < $width; i += $threads) { w[at + i] += (1 / sqrt(squares) - 1) * w[at + i]; }
}`, "threads", threads, "units", units, "decoder", n.kernels[decoder], "width", n.widths[decoder], "dims", 4*n.widths[0], "first", n.kernels[1], "columns", n.widths[1],
		"centre", n.centre, "total", n.total, "epsilon", n.adam.Epsilon, "addUp", addUp("s", threads), "bias", n.biases[1])})
}
