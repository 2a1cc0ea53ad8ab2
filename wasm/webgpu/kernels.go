package webgpu

import (
	"slices"
	"strconv"
	"strings"

	"sae/nn"
)

// complete adds to a kernel's code the declarations of what it uses.
func (n *network) complete(k Kernel) Kernel {
	var text strings.Builder
	text.WriteString(`struct Step { first: u32, n: u32, slot: u32, rate: f32, scale: f32, l1: f32, code: u32, number: u32 }
@group(0) @binding(0) var<uniform> step: Step;
`)
	for i, buffer := range slices.Concat(k.Reads, k.Writes) {
		access, kind := "read", "vec4f"
		if i >= len(k.Reads) {
			access = "read_write"
		}
		switch {
		case buffer == active && access != "read":
			kind = "atomic<u32>"
		case buffer == active, buffer == order, buffer == images && !n.numbers:
			kind = "u32"
		}
		text.WriteString("@group(1) @binding(" + strconv.Itoa(i) + ") var<storage, " + access + "> " + buffer + ": array<" + kind + ">;\n")
	}
	k.Code = text.String() + k.Code
	k.Parts = max(1, k.Parts)
	return k
}

// step returns the dispatches of a step and of an evaluation.
func (n *network) step() (train, evaluate []Kernel) {
	first, last, ok := n.inner()
	if !ok {
		first, last = n.last()+1, n.last()
	}
	inside := func(l int) bool { return l >= first && l <= last }
	var forward, backward []Kernel
	parts := 1
	add := func(list *[]Kernel, k Kernel, next int, sum func(parts int) Kernel) {
		*list, parts = append(*list, k), k.Parts
		if k.Parts > 1 && !inside(next) {
			*list, parts = append(*list, sum(k.Parts)), 1
		}
	}
	for l := 1; l <= n.last(); l++ {
		switch {
		case l == first:
			forward, parts = append(forward, n.innerForward(first, last, parts)), 1
		case inside(l):
		case l == n.last():
			forward = append(forward, n.loss())
		case l == n.latent() && n.K > 0:
			k := n.forward(l)
			forward = append(forward, k, n.topK(k.Parts))
		default:
			add(&forward, n.forward(l), l+1, func(parts int) Kernel { return n.sum("sum of layer "+strconv.Itoa(l), n.activate(l), l, parts, nil) })
		}
	}
	if n.Aux > 0 {
		backward = append(backward, n.dead(), n.auxError())
	}
	for l := n.last(); l > 1; l-- {
		switch {
		case l == last && inside(l):
			backward, parts = append(backward, n.innerBackward(first, last, parts)), 1
		case inside(l):
		case n.whole(l - 1):
			k := n.backward(l)
			backward = append(backward, k, n.latentGradient(k.Parts))
		default:
			add(&backward, n.backward(l), l-1, func(parts int) Kernel {
				return n.sum("sum of gradient "+strconv.Itoa(l-1), n.derive(l-1), l-1, parts, []string{parity(l - 1)})
			})
		}
	}
	train = slices.Concat(forward, backward, []Kernel{n.update()})
	if n.Unit || n.Center {
		train = append(train, n.afterUpdate())
	}
	return train, append(slices.Clone(forward), n.evaluation())
}

// activate is WGSL that turns sums v of a layer's units n4 on image m to activations x and
// stores them.
func (n *network) activate(l int) string {
	activation := "select(z, vec4f(), z <= vec4f())" // ReLU, which keeps NaN
	if l == n.latent() && n.Latent == nn.Linear {
		activation = "z"
	}
	return wgsl("let z = v + w[$bias + n4]; let x = "+activation+"; $h[$at + m * $width + n4] = x;",
		"bias", n.biases[l], "h", parity(l), "at", n.h[l], "width", n.widths[l])
}

// derive is WGSL that turns the gradient v with respect to the activations of a layer to
// that with respect to its sums, x, and stores it. Images beyond the batch have none.
func (n *network) derive(l int) string {
	sum := "v"
	penalty := l == n.latent() && n.Lambda > 0
	if penalty {
		sum = "v + select(0.0, step.l1, m < step.n) * sign(a)"
	}
	x := "select(vec4f(), " + sum + ", a > vec4f())"
	if l == n.latent() && n.Latent == nn.Linear {
		x = sum
	}
	return n.activation(l) + wgsl("let x = "+x+"; $g[$at + m * $width + n4] = x;", "g", parity(l+1), "at", n.g[l], "width", n.widths[l])
}

// activation is WGSL that reads the activations of a layer, a.
func (n *network) activation(l int) string {
	return wgsl("let a = $h[$at + m * $width + n4]; ", "h", parity(l), "at", n.h[l], "width", n.widths[l])
}

// productOf returns the product that multiply takes, of so many vec4f, with a layer's kernel
// that lies along n.
func (n *network) productOf(columns, depth int) product {
	t := n.tileOf(4 * columns)
	return product{tile: t, a: operand{along: true}, b: operand{part: 4*columns%t.columns != 0}, partK: 4*depth%t.depth != 0}
}

// multiply returns the kernel of a product of the activations or gradients of a batch with
// a layer's kernel: [rows, depth] times [depth, columns], in vec4f. finish is what becomes
// of sums v, unless the kernel writes parts, where they are left. begin and end are WGSL
// for the begin and the end of the kernel.
func (n *network) multiply(k Kernel, p product, rows, columns, depth, count, terms int, load, begin, finish, end string) Kernel {
	if k.Writes[0] == parts {
		finish = "parts[(part * $M + m) * $width + n4] = v;"
		n.room = max(n.room, count*rows*columns)
	}
	k.Threads, k.Parts = p.threads(), count
	k.Grid = [2]int{ceil(4*columns, p.columns), rows / p.rows}
	k.Code = wgsl(`const M = $M; const N = $N;
var<workgroup> tile: array<vec4f, $memory>;
var<private> part: u32;
$load
fn finish(m: u32, n4: u32, v: vec4f) { $finish }
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  $begin
  part = id.z; let m0 = id.y * $high; let n0 = id.x * $wide;
  let k0 = id.z * $terms; let k1 = min($depth, k0 + $terms);
$body
$end
}`, "M", rows, "N", 4*columns, "memory", max(p.memory(), p.threads()), "load", load, "begin", begin, "finish", wgsl(finish, "M", rows, "width", columns),
		"threads", p.threads(), "high", p.rows, "wide", p.columns, "terms", terms, "depth", 4*depth, "body", p.body(), "end", end)
	return n.complete(k)
}

// pixels is WGSL that reads a vec4f of the images.
func (n *network) pixels(at string) string {
	if n.numbers {
		return "data[" + at + "]"
	}
	return "unpack4x8unorm(data[" + at + "])"
}

// input is WGSL that reads the input of a layer: bytes, or the activations below.
func (n *network) input(l int) (load string, reads []string) {
	if l == 1 {
		return wgsl(`fn rowA(i: u32) -> u32 { return order[step.first + i] * $width; }
fn atA(i: u32) -> vec4f { return $pixels; }`, "width", n.widths[0], "pixels", n.pixels("i")), []string{images, order}
	}
	return reading("A", parity(l-1), n.h[l-1], n.widths[l-1]), []string{parity(l - 1)}
}

// weights is WGSL that reads a layer's kernel.
func (n *network) weights(l int) string {
	return reading("B", parameters, n.kernels[l], n.widths[l])
}

// reading is WGSL that reads an operand of a product: rows of width vec4f, which begin at a
// place in a buffer.
func reading(operand, buffer string, at, width int) string {
	return wgsl(`fn row$operand(i: u32) -> u32 { return $at + i * $width; }
fn at$operand(i: u32) -> vec4f { return $buffer[i]; }`, "operand", operand, "at", at, "width", width, "buffer", buffer)
}

// forward computes the activations of a hidden layer, or parts of their sums.
func (n *network) forward(l int) Kernel {
	columns, depth := n.widths[l], n.widths[l-1]
	p := n.productOf(columns, depth)
	count, terms := split(p.tile, n.rows, 4*columns, 4*depth)
	load, reads := n.input(l)
	k := Kernel{Name: "layer " + strconv.Itoa(l), Reads: append(reads, parameters), Writes: []string{parity(l)}}
	if count > 1 {
		k.Writes = []string{parts}
	}
	return n.multiply(k, p, n.rows, columns, depth, count, terms, load+"\n"+n.weights(l), "", n.activate(l), "")
}

// loss computes the last layer, the loss, and its gradient with respect to the sums z. For
// the cross-entropy that is sigmoid(z) − x, for the squared error 2·(z − x), both divided by
// the number of values. The losses of an evaluation are, with either, the cross-entropy, of
// which values is the WGSL, and the squared error.
func (n *network) loss() Kernel {
	l := n.last()
	columns, depth := n.widths[l], n.widths[l-1]
	p := n.productOf(columns, depth)
	load, reads := n.input(l)
	if l > 1 {
		reads = append(reads, images, order)
	}
	counts := "vec4<bool>(m < step.n)"
	if n.InputDims%4 != 0 {
		counts += wgsl(" & (vec4u(0u, 1u, 2u, 3u) + 4u * n4 < vec4u($dims))", "dims", n.InputDims)
	}
	values := `let e = exp(-abs(z)); let error = select(e, vec4f(1), z >= vec4f()) / (1 + e) - x;
  let values = max(z, vec4f()) - z * x + log(1 + e);`
	if n.Loss == nn.MSE { // nn.CrossEntropy, which training does not need
		values = `let error = z - x; var values = vec4f();
  if (step.number == 0u) { values = -x * log(clamp(z, vec4f(1e-7), vec4f(1))) - (1 - x) * log(clamp(1 - z, vec4f(1e-7), vec4f(1))); }`
	}
	if n.Center {
		values += wgsl("\n  if (m == 0u) { g[$centre + n4] = w[$bias + n4]; }", "centre", n.centre, "bias", n.biases[l])
	}
	finish := wgsl(`let z = v + w[$bias + n4]; let x = $pixels;
  $values
  let counts = $counts;
  g[m * $width + n4] = select(vec4f(), step.scale * error, counts);
  loss.x += dot(select(vec4f(), values, counts), vec4f(1));
  loss.y += dot(select(vec4f(), error * error, counts), vec4f(1));`,
		"bias", n.biases[l], "width", columns, "counts", counts, "values", values,
		"pixels", n.pixels("order[step.first + m] * "+literal(columns)+" + n4"))
	end := wgsl(`  workgroupBarrier();
  $addUp
  if (t == 0u) { g[$at + id.y * $across + id.x] = tile[0]; }`,
		"addUp", addUp("loss", p.threads()), "at", n.lossAt(), "across", ceil(4*columns, p.columns))
	k := Kernel{Name: "loss", Reads: append(reads, parameters), Writes: []string{output}}
	return n.multiply(k, p, n.rows, columns, depth, 1, 4*depth, "var<private> loss = vec4f();\n"+load+"\n"+n.weights(l), "", finish, end)
}

// backward computes the gradient of the layer below a layer, or parts of its sums.
func (n *network) backward(l int) Kernel {
	columns, depth := n.widths[l-1], n.widths[l]
	p, rows, begin := n.productOf(columns, depth), n.rows, ""
	p.b.along = true
	if n.whole(l-1) && n.Aux > 0 {
		begin = wgsl("if (id.y >= $half && $none) { return; }", "half", rows/p.rows, "none", n.noneDead())
		rows *= 2
	}
	count, terms := split(p.tile, rows, 4*columns, 4*depth)
	load := reading("A", n.gradient(l), n.g[l], depth)
	k := Kernel{Name: "gradient " + strconv.Itoa(l-1), Reads: []string{n.gradient(l), parameters}, Writes: []string{parity(l)}}
	if count > 1 || n.whole(l-1) {
		k.Writes = []string{parts}
	}
	if (count == 1 || begin != "") && n.gradient(l) != parity(l-1) { // g of the last layer has a buffer of its own
		k.Reads = append(k.Reads, parity(l-1))
	}
	return n.multiply(k, p, rows, columns, depth, count, terms, load+"\n"+n.weights(l), begin, n.derive(l-1), "")
}

// gradient is the buffer of the gradients of a layer.
func (n *network) gradient(l int) string {
	if l == n.last() {
		return output
	}
	return parity(l + 1)
}

// sum adds up the parts of the sums of a layer, which finish then takes.
func (n *network) sum(name, finish string, l, count int, also []string) Kernel {
	total := n.rows * n.widths[l]
	reads := []string{parts, parameters}
	writes := []string{parity(l)}
	if also != nil { // of a gradient
		reads, writes = append([]string{parts}, also...), []string{parity(l + 1)}
	}
	return n.complete(Kernel{Name: name, Reads: reads, Writes: writes, Threads: 64, Grid: [2]int{ceil(total, 64), 1}, Code: wgsl(`@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= $total) { return; }
  let m = i / $width; let n4 = i % $width;
  let v = $v;
  $finish
}`, "total", total, "width", n.widths[l], "finish", finish, "v", addParts("i", total, count))})
}

// addParts is WGSL that adds up the parts of a sum that lie size apart.
func addParts(at string, size, count int) string {
	return joined(count, " + ", func(i int) string { return wgsl("parts["+at+" + $skip]", "skip", i*size) })
}
