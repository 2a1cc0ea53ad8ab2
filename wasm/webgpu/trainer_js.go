package webgpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall/js"
	"time"
	"unsafe"

	"sae/nn"
	"sae/nn/fit"
	"sae/wasm/browser"
)

const (
	// turn is how long a call of Train takes, so that a pause does not wait.
	turn = 60 * time.Millisecond
	// submission is how long a submission takes. While a device computes, it draws no
	// page; a slow one must get round to that.
	submission = 8 * time.Millisecond
	// growth bounds how much longer a turn or a submission is than the one before.
	growth = 4
)

// Trainer trains an autoencoder on a device. It is a fit.Engine.
type Trainer struct {
	device *Device
	plan   *Plan
	auto   *nn.Autoencoder
	adam   nn.Adam
	source fit.Source
	yield  func() error

	steps       int // completed
	state       nn.State
	padded      []float32
	evaluation  nn.Evaluation
	speed       time.Duration // of a dispatch, as measured
	perTurn     int           // steps
	perSubmit   int           // dispatches
	buffers     map[string]js.Value
	uniform     js.Value // buffer of the parameters of steps
	bound       js.Value // binding of those of one
	mapped      js.Value // buffer to read through
	mappedBytes int
	train, look js.Value // dispatches of a step and of an evaluation
}

// New returns a trainer that continues from the parameters of an autoencoder, as
// nn.NewTrainer leaves it, with a new Adam. yield is called while the images are written, and
// later while the device computes; an error that it returns aborts the call. An error that
// is an Unfit says why the device cannot train the network.
func New(device *Device, auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source, yield func() error) (_ *Trainer, err error) {
	defer browser.Catch(&err)
	plan, err := NewPlan(auto.Architecture, adam, batch, source.Train, len(source.Validation)/source.Dims, source.Input != nil, device.limits)
	if err != nil {
		return nil, err
	}
	t := &Trainer{device: device, plan: plan, auto: auto, adam: adam, source: source, yield: yield, buffers: map[string]js.Value{}, perTurn: 1, perSubmit: 1}
	t.padded = make([]float32, 4*plan.total)
	if err := device.within(t.allocate); err != nil {
		t.Close()
		return nil, err
	}
	if err := device.within(t.compile); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.upload(); err != nil {
		t.Close()
		return nil, err
	}
	zeros := make([]float32, len(auto.Params()))
	return t, t.Restore(nn.State{Moments1: zeros, Moments2: zeros})
}

// Close frees the trainer's memory on the device.
func (t *Trainer) Close() {
	for _, buffer := range t.buffers {
		buffer.Call("destroy")
	}
	for _, buffer := range []js.Value{t.uniform, t.mapped} {
		if buffer.Truthy() {
			buffer.Call("destroy")
		}
	}
}

func (t *Trainer) allocate() error {
	for name, bytes := range t.plan.Bytes {
		t.buffers[name] = t.device.buffer(bytes, "STORAGE", "COPY_DST", "COPY_SRC")
	}
	t.uniform = t.device.buffer(t.plan.Steps*stepBytes, "UNIFORM", "COPY_DST")
	return nil
}

// compile makes the dispatches of the plan.
func (t *Trainer) compile() error {
	d := t.device
	first := d.layout(layout{})
	t.bound = d.value.Call("createBindGroup", map[string]any{"layout": first, "entries": []any{
		map[string]any{"binding": 0, "resource": map[string]any{"buffer": t.uniform, "size": 32}},
	}})
	compiled := map[string]js.Value{} // dispatches, by the kernel's name
	kernels := map[string]Kernel{}
	for _, k := range slices.Concat(t.plan.Train, t.plan.Evaluate) {
		kernels[k.Name] = k
		d.pipeline(k, first)
	}
	for _, k := range kernels {
		pipeline, err := browser.Await(d.pipelines[k.Code])
		if err != nil {
			return fmt.Errorf("the kernel %s: %w", k.Name, err)
		}
		var entries []any
		for binding, buffer := range slices.Concat(k.Reads, k.Writes) {
			entries = append(entries, map[string]any{"binding": binding, "resource": map[string]any{"buffer": t.buffers[buffer]}})
		}
		bindings := d.value.Call("createBindGroup", map[string]any{"layout": d.layouts[layout{len(k.Reads), len(k.Writes)}], "entries": entries})
		compiled[k.Name] = js.ValueOf([]any{pipeline, bindings, k.Grid[0], k.Grid[1], k.Parts})
	}
	list := func(kernels []Kernel) js.Value {
		var dispatches []any
		for _, k := range kernels {
			dispatches = append(dispatches, compiled[k.Name])
		}
		return js.ValueOf(dispatches)
	}
	t.train, t.look = list(t.plan.Train), list(t.plan.Evaluate)
	return nil
}

// upload writes the images to the device, each padded, some at a time.
func (t *Trainer) upload() error {
	const together = 1 << 20 // bytes
	dims, wide, at := t.source.Dims, 4*t.plan.widths[0], 0
	var numbers []int
	var batch []byte
	put := func(part []byte) error {
		rows := part
		if n := len(part) / dims; t.source.Input != nil {
			input, padded := make([]float32, n*dims), make([]float32, n*wide)
			t.source.Input(input, part)
			for i := range n {
				copy(padded[i*wide:], input[i*dims:][:dims])
			}
			rows = raw(padded)
		} else if wide != dims {
			rows = make([]byte, n*wide)
			for i := range n {
				copy(rows[i*wide:], part[i*dims:][:dims])
			}
		}
		t.device.write(t.buffers[images], at, rows)
		at += len(rows)
		return t.yield()
	}
	for first := 0; first < t.source.Train; first += len(numbers) {
		numbers = numbers[:0]
		for i := range min(max(1, together/dims), t.source.Train-first) {
			numbers = append(numbers, first+i)
		}
		batch = t.source.Images(batch[:0], numbers)
		if err := put(batch); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(t.source.Validation, max(1, together/dims)*dims) {
		if err := put(part); err != nil {
			return err
		}
	}
	return nil
}

// run has the device do the dispatches for each batch, which is the numbers of its images, as
// a training step or as an evaluation. It returns the sums of the losses of each, as in the
// buffer losses.
func (t *Trainer) run(dispatches js.Value, batches [][]int, train bool) (sums []float32, err error) {
	defer browser.Catch(&err)
	if reason := t.device.Lost(); reason != "" {
		return nil, errors.New(reason)
	}
	var numbers []byte
	steps := make([]byte, stepBytes*len(batches))
	first, code, scale := 0, 0, float32(1)
	if t.auto.Architecture.Loss == nn.MSE {
		scale = 2
	}
	for slot, batch := range batches {
		n := len(batch)
		step := Step{First: first, N: n, Slot: slot, Code: code, Scale: scale / float32(n*t.source.Dims), L1: float32(t.auto.Architecture.Lambda / float64(n))}
		if train {
			t.steps++
			step.Rate, step.Number = float32(t.adam.Rate(t.steps)), t.steps
		}
		for i, word := range step.words() {
			binary.LittleEndian.PutUint32(steps[slot*stepBytes+4*i:], word)
		}
		for _, image := range batch {
			numbers = binary.LittleEndian.AppendUint32(numbers, uint32(image))
		}
		first, code = first+n, code+n*t.plan.widths[t.plan.latent()]
	}
	t.device.write(t.buffers[order], 0, numbers)
	t.device.write(t.uniform, 0, steps)
	total := dispatches.Length() * len(batches)
	start, measured := time.Now(), 0
	var before js.Value // the submission before; at most two are under way
	for from := 0; from < total; {
		to := min(total, from+t.perSubmit)
		done := js.Global().Get("saeWebGPU").Call("submit", t.device.value, t.bound, stepBytes, dispatches, from, to)
		if before.Truthy() {
			if err := t.wait(before); err != nil {
				return nil, err
			}
			t.measure(time.Since(start), measured)
		}
		before, measured, from = done, to, to
	}
	if err := t.wait(before); err != nil {
		return nil, err
	}
	t.measure(time.Since(start), total)
	bytes, err := t.read(losses, 0, 16*len(batches))
	if err != nil {
		return nil, err
	}
	return floats(bytes), nil
}

// measure sets how much to submit at a time, from the time of dispatches.
func (t *Trainer) measure(elapsed time.Duration, dispatches int) {
	t.speed = max(time.Microsecond, elapsed/time.Duration(max(1, dispatches)))
	t.perSubmit = max(1, min(int(submission/t.speed), growth*t.perSubmit))
}

// wait waits for a promise, and yields.
func (t *Trainer) wait(promise js.Value) error {
	if _, err := browser.Await(promise); err != nil {
		return err
	}
	if reason := t.device.Lost(); reason != "" {
		return errors.New(reason)
	}
	return t.yield()
}

// Train implements fit.Engine.
func (t *Trainer) Train(batches [][]int) ([]nn.Loss, error) {
	n := min(len(batches), t.perTurn, t.plan.Steps)
	sums, err := t.run(t.train, batches[:n], true)
	if err != nil {
		return nil, err
	}
	t.perTurn = max(1, min(int(turn/t.speed)/len(t.plan.Train), growth*t.perTurn))
	result := make([]nn.Loss, n)
	for i := range result {
		result[i] = t.loss(sums[4*i:], len(batches[i]))
	}
	return result, nil
}

// loss returns the loss of n images from its sums.
func (t *Trainer) loss(sums []float32, n int) nn.Loss {
	a := t.auto.Architecture
	values := float64(n * t.source.Dims)
	return a.LossOf(float64(sums[0])/values, float64(sums[2])/values, a.Lambda*float64(sums[1])/float64(n))
}

// validation returns the numbers of the validation images, in batches.
func (t *Trainer) validation() (batches [][]int) {
	first := t.source.Train
	for n := len(t.source.Validation) / t.source.Dims; n > 0; n -= t.plan.rows {
		batch := make([]int, min(n, t.plan.rows))
		for i := range batch {
			batch[i] = first + i
		}
		first += len(batch)
		batches = append(batches, batch)
	}
	return batches
}

// Evaluate implements fit.Engine.
func (t *Trainer) Evaluate() (*nn.Evaluation, error) {
	n := len(t.source.Validation) / t.source.Dims
	var bce, squares float64
	unpadded := make([]float32, 0, n*t.auto.Architecture.LatentDims)
	wide := 4 * t.plan.widths[t.plan.latent()]
	for part := range slices.Chunk(t.validation(), t.plan.Steps) {
		sums, err := t.run(t.look, part, false)
		if err != nil {
			return nil, err
		}
		images := 0
		for i, batch := range part {
			bce, squares, images = bce+float64(sums[4*i]), squares+float64(sums[4*i+2]), images+len(batch)
		}
		bytes, err := t.read(codes, 0, 4*images*wide)
		if err != nil {
			return nil, err
		}
		for padded := range slices.Chunk(floats(bytes), wide) {
			unpadded = append(unpadded, padded[:t.auto.Architecture.LatentDims]...)
		}
	}
	values := float64(n * t.source.Dims)
	t.evaluation = nn.NewEvaluation(t.auto.Architecture, bce/values, squares/values, unpadded)
	return &t.evaluation, nil
}

// Loss implements fit.Engine.
func (t *Trainer) Loss(batch []int) (nn.Loss, error) {
	sums, err := t.run(t.look, [][]int{batch}, false)
	if err != nil {
		return nn.Loss{}, err
	}
	return t.loss(sums, len(batch)), nil
}

// read returns bytes of a buffer.
func (t *Trainer) read(name string, from, bytes int) (_ []byte, err error) {
	defer browser.Catch(&err)
	if bytes > t.mappedBytes {
		if t.mapped.Truthy() {
			t.mapped.Call("destroy")
		}
		err := t.device.within(func() error {
			t.mapped, t.mappedBytes = t.device.buffer(bytes, "MAP_READ", "COPY_DST"), bytes
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	array, err := browser.Await(js.Global().Get("saeWebGPU").Call("read", t.device.value, t.buffers[name], from, t.mapped, bytes))
	if err != nil {
		if reason := t.device.Lost(); reason != "" {
			err = errors.New(reason)
		}
		return nil, err
	}
	data := aligned(bytes)
	js.CopyBytesToGo(data, array)
	return data, nil
}

// aligned returns bytes that are aligned for float32.
func aligned(bytes int) []byte {
	numbers := make([]float32, bytes/4)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), bytes)
}

// floats returns bytes of read as numbers.
func floats(bytes []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/4)
}

func raw(numbers []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), 4*len(numbers))
}

// fetch copies one of the arrays of parameters from the device.
func (t *Trainer) fetch(params []float32, name string, index int) error {
	bytes, err := t.read(name, index*16*t.plan.total, 16*t.plan.total)
	if err != nil {
		return err
	}
	t.plan.unpad(params, floats(bytes))
	return nil
}

// Collect implements fit.Engine.
func (t *Trainer) Collect() error { return t.fetch(t.auto.Params(), parameters, 0) }

// State implements fit.Engine.
func (t *Trainer) State() (nn.State, error) {
	if t.state.Moments1 == nil {
		t.state.Moments1, t.state.Moments2 = make([]float32, len(t.auto.Params())), make([]float32, len(t.auto.Params()))
	}
	t.state.Steps = t.steps
	if err := t.Collect(); err != nil {
		return nn.State{}, err
	}
	if err := t.fetch(t.state.Moments1, moments, 0); err != nil {
		return nn.State{}, err
	}
	if err := t.fetch(t.state.Moments2, moments, 1); err != nil || t.auto.Architecture.Aux == 0 {
		return t.state, err
	}
	bytes, err := t.read(active, 0, 4*t.auto.Architecture.LatentDims)
	if err != nil {
		return nn.State{}, err
	}
	t.state.Idle = t.state.Idle[:0]
	for at := 0; at < len(bytes); at += 4 {
		t.state.Idle = append(t.state.Idle, int(uint32(t.steps)-binary.LittleEndian.Uint32(bytes[at:])))
	}
	return t.state, nil
}

// Restore implements fit.Engine.
func (t *Trainer) Restore(state nn.State) (err error) {
	defer browser.Catch(&err)
	n, units := len(t.auto.Params()), t.auto.Architecture.LatentDims
	if state.Idle != nil && len(state.Idle) != units {
		return fmt.Errorf("webgpu: state of %d latent units: want %d", len(state.Idle), units)
	}
	if state.Steps < 0 || len(state.Moments1) != n || len(state.Moments2) != n {
		return fmt.Errorf("webgpu: state after %d steps with %d and %d moments: want %d of each", state.Steps, len(state.Moments1), len(state.Moments2), n)
	}
	t.steps = state.Steps
	for _, array := range []struct {
		name   string
		index  int
		params []float32
	}{{parameters, 0, t.auto.Params()}, {moments, 0, state.Moments1}, {moments, 1, state.Moments2}} {
		t.plan.pad(t.padded, array.params)
		t.device.write(t.buffers[array.name], array.index*16*t.plan.total, raw(t.padded))
	}
	last := bytes.Repeat(binary.LittleEndian.AppendUint32(nil, uint32(state.Steps)), units)
	for unit, idle := range state.Idle {
		binary.LittleEndian.PutUint32(last[4*unit:], uint32(state.Steps-idle))
	}
	t.device.write(t.buffers[active], 0, last)
	return nil
}
