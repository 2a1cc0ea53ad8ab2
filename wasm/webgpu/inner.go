package webgpu

import (
	"strconv"

	"sae/nn"
)

// innerLayer is a layer of the inner ones: its product takes depth × columns weights, in
// vec4f, of which a workgroup's threads take columns at a time, each group of them a share
// of the depth.
type innerLayer struct {
	weights        int // where its kernel begins
	depth, columns int
	width, groups  int // threads: width columns by groups of the depth
	out            int // layer that it computes activations or gradients of
}

// innerForward computes the activations of the layers first to last, of which it keeps a
// few images in workgroup memory. Those of the layer before come in parts.
func (n *network) innerForward(first, last, parts int) Kernel {
	var layers []innerLayer
	for l := first; l <= last; l++ {
		columns := min(n.widths[l], innerThreads)
		layers = append(layers, innerLayer{
			weights: n.kernels[l], depth: n.widths[l-1], columns: n.widths[l],
			width: columns, groups: min(n.widths[l-1], innerThreads/columns), out: l,
		})
	}
	read := wgsl("x = $h[$at + m * $width + n4];", "h", parity(first-1), "at", n.h[first-1], "width", n.widths[first-1])
	return n.innerLayers("inner layers", first-1, parts, read, layers, false, n.innerImages(first, last), n.activate)
}

// innerBackward computes the gradients of the layers last−1 to first−1 in the same way.
func (n *network) innerBackward(first, last, parts int) Kernel {
	var layers []innerLayer
	for l := last; l >= first; l-- {
		groups := min(8, n.widths[l])
		layers = append(layers, innerLayer{
			weights: n.kernels[l], depth: n.widths[l], columns: n.widths[l-1],
			width: min(n.widths[l-1], innerThreads/groups), groups: groups, out: l - 1,
		})
	}
	read := wgsl("x = $g[$at + m * $width + n4];", "g", parity(last+1), "at", n.g[last], "width", n.widths[last])
	return n.innerLayers("inner gradients", last, parts, read, layers, true, n.innerImages(first, last), n.derive)
}

func (n *network) innerLayers(name string, from, parts int, read string, layers []innerLayer, backward bool, count int, finish func(l int) string) Kernel {
	width, widest, sums := n.widths[from], n.widths[from], 0
	finishes := []int{from}
	for _, l := range layers {
		widest = max(widest, l.columns)
		sums = max(sums, l.groups*l.width*count)
		finishes = append(finishes, l.out)
	}
	k := Kernel{Name: name, Reads: []string{parameters}, Writes: []string{even, odd}, Threads: innerThreads, Grid: [2]int{n.rows / count, 1}}
	if parts > 1 {
		k.Reads = append(k.Reads, "parts")
		read = wgsl("x = finish$from(m, n4, $sum);", "from", strconv.Itoa(from), "sum", addParts("m * "+literal(width)+" + n4", n.rows*width, parts))
	}
	k.Code = wgsl(`var<workgroup> sums: array<vec4f, $sums>;
var<workgroup> x0: array<vec4f, $size>;
var<workgroup> x1: array<vec4f, $size>;
$finishes
@compute @workgroup_size($threads)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) t: u32) {
  let m0 = id.x * $count;
  for (var i = t; i < $inputs; i += $threads) {
    let m = m0 + i / $width; let n4 = i % $width; var x = vec4f();
    $read
    x0[i] = x;
  }
  workgroupBarrier();
$layers
}`, "sums", sums, "size", count*widest, "threads", innerThreads, "count", count, "inputs", count*width, "width", width, "read", read,
		"finishes", each(len(finishes), func(i int) string {
			return wgsl("fn finish$l(m: u32, n4: u32, v: vec4f) -> vec4f { $finish return x; }", "l", strconv.Itoa(finishes[i]), "finish", finish(finishes[i]))
		}),
		"layers", each(len(layers), func(i int) string { return layers[i].text(i, count, backward) }))
	return n.complete(k)
}

// text is WGSL for the i-th of the inner layers.
func (l innerLayer) text(i, count int, backward bool) string {
	trips, unroll := ceil(l.depth, l.groups), 1
	partial := l.depth%l.groups != 0
	for !partial && unroll < 4 && trips%(2*unroll) == 0 {
		unroll *= 2
	}
	source, target := "x"+strconv.Itoa(i%2), "x"+strconv.Itoa(1-i%2)
	group, column := wgsl("t / $width", "width", l.width), wgsl("t % $width", "width", l.width)
	if backward { // neighbouring threads read neighbours along a row of the kernel
		group, column = wgsl("t % $groups", "groups", l.groups), wgsl("t / $groups", "groups", l.groups)
	}
	load := func(u int) string {
		suffix := strconv.Itoa(u)
		text := wgsl("let k$u = group + (i + $skip) * $groups; ", "u", suffix, "skip", u, "groups", l.groups)
		if !backward {
			return text + joined(4, " ", func(q int) string {
				return wgsl("let y$u$q = w[$at + (4u * k$u + $lane) * $columns + n4];", "u", suffix, "q", strconv.Itoa(q), "lane", q, "at", l.weights, "columns", l.columns)
			})
		}
		text += joined(4, " ", func(q int) string {
			return wgsl("let r$u$q = w[$at + (4u * n4 + $lane) * $depth + k$u];", "u", suffix, "q", strconv.Itoa(q), "lane", q, "at", l.weights, "depth", l.depth)
		})
		return text + " " + joined(4, " ", func(q int) string {
			return wgsl("let y$u$q = vec4f(r$uN0.$c, r$uN1.$c, r$uN2.$c, r$uN3.$c);", "u", suffix, "uN0", suffix+"0", "uN1", suffix+"1", "uN2", suffix+"2", "uN3", suffix+"3", "q", strconv.Itoa(q), "c", "xyzw"[q:q+1])
		})
	}
	add := func(u int) string {
		return joined(count, " ", func(m int) string {
			text := wgsl("let x$u$m = $source[$row + k$u]; ", "u", strconv.Itoa(u), "m", "_"+strconv.Itoa(m), "source", source, "row", m*l.depth)
			return text + joined(4, " ", func(q int) string {
				return wgsl("a$m = fma(vec4f(x$u_$m.$c), y$u$q, a$m);", "m", strconv.Itoa(m), "u_", strconv.Itoa(u)+"_", "u", strconv.Itoa(u), "q", strconv.Itoa(q), "c", "xyzw"[q:q+1])
			})
		})
	}
	condition := ""
	if partial {
		condition = wgsl("if (group + i * $groups >= $depth) { break; }", "groups", l.groups, "depth", l.depth)
	}
	return wgsl(`  for (var first = 0u; first < $columns; first += $width) {
    let group = $group; let n4 = first + $column;
    $variables
    if (group < $groups && $column < $width && n4 < $columns) {
      for (var i = 0u; i < $trips; i += $unroll) {
        $condition
$loads
$adds
      }
      $store
    }
    workgroupBarrier();
    for (var i = t; i < $total; i += $threads) {
      let row = i / $width; let n4 = first + i % $width;
      if (n4 < $columns) { $target[row * $columns + n4] = finish$out(m0 + row, n4, $sum); }
    }
    workgroupBarrier();
  }`, "columns", l.columns, "width", l.width, "group", group, "column", column, "groups", l.groups, "trips", trips, "unroll", unroll,
		"variables", joined(count, " ", func(m int) string { return "var a" + strconv.Itoa(m) + " = vec4f();" }),
		"condition", condition, "loads", each(unroll, load), "adds", each(unroll, add),
		"store", joined(count, " ", func(m int) string {
			return wgsl("sums[(group * $count + $m) * $width + $column] = a$name;", "count", count, "m", m, "width", l.width, "column", column, "name", strconv.Itoa(m))
		}),
		"total", count*l.width, "threads", innerThreads, "target", target, "out", strconv.Itoa(l.out),
		"sum", joined(l.groups, " + ", func(g int) string { return wgsl("sums[i + $skip]", "skip", g*count*l.width) }))
}

// lossSums is WGSL of a function that stores a step's losses: the sums of what the
// workgroups of the last layer added up, and of the absolute values of the codes.
func (n *network) lossSums(threads int) string {
	l := n.latent()
	value := "abs(" + parity(l) + "[" + literal(n.h[l]) + " + i])"
	if n.Latent != nn.Linear {
		value = value[len("abs(") : len(value)-1]
	}
	return wgsl(`fn lossSums(t: u32) {
  var s = vec4f();
  for (var i = t; i < $parts; i += $threads) { let part = g[$at + i]; s.x += part.x; s.z += part.y; }
  for (var i = t; i < step.n * $width; i += $threads) { s.y += dot($value, vec4f(1)); }
  $addUp
  if (t == 0u) { losses[step.slot] = tile[0]; }
}`, "parts", n.lossParts(), "threads", threads, "at", n.lossAt(), "width", n.widths[l], "value", value, "addUp", addUp("s", threads))
}

// evaluation stores the losses and the codes of a batch.
func (n *network) evaluation() Kernel {
	const threads = 256
	l := n.latent()
	return n.complete(Kernel{Name: "evaluation", Reads: []string{output, parity(l)}, Writes: []string{losses, codes}, Threads: threads, Grid: [2]int{1, 1}, Code: wgsl(`var<workgroup> tile: array<vec4f, $threads>;
$lossSums
@compute @workgroup_size($threads)
fn main(@builtin(local_invocation_index) t: u32) {
  lossSums(t);
  for (var i = t; i < step.n * $width; i += $threads) { codes[step.code + i] = $h[$at + i]; }
}`, "threads", threads, "lossSums", n.lossSums(threads), "width", n.widths[l], "h", parity(l), "at", n.h[l])})
}
