package webgpu

import (
	"errors"
	"strings"
	"syscall/js"

	"sae/wasm/browser"
)

// Device is a graphics card that trains.
type Device struct {
	Name     string // for people: "NVIDIA H200"
	Kernel   string // of a fit.Checkpoint: "webgpu-nvidia-hopper"
	Software bool   // whether a processor imitates it

	value     js.Value
	limits    Limits
	layouts   map[layout]js.Value
	pipelines map[string]js.Value // promises of compiled kernels, by their code

	lost string // why the device is lost; "" if it is not
	lose js.Func
}

// Open returns the browser's fastest device. An error says why there is none.
func Open() (*Device, error) {
	return open("maxStorageBufferBindingSize", "maxBufferSize", "maxComputeWorkgroupStorageSize")
}

// open opens a device with the best that it has of some limits, and of others what every
// device has.
func open(best ...string) (_ *Device, err error) {
	defer browser.Catch(&err)
	gpu := js.Global().Get("navigator").Get("gpu")
	if !gpu.Truthy() || !js.Global().Get("saeWebGPU").Truthy() {
		return nil, errors.New("this browser has no WebGPU")
	}
	adapter, err := browser.Await(gpu.Call("requestAdapter", map[string]any{"powerPreference": "high-performance"}))
	if err != nil {
		return nil, err
	}
	if !adapter.Truthy() {
		return nil, errors.New("this browser lets pages use no graphics card")
	}
	wanted := map[string]any{}
	for _, limit := range best {
		wanted[limit] = adapter.Get("limits").Get(limit)
	}
	value, err := browser.Await(adapter.Call("requestDevice", map[string]any{"requiredLimits": wanted}))
	if err != nil {
		return nil, err
	}
	limits := value.Get("limits")
	d := &Device{value: value, layouts: map[layout]js.Value{}, pipelines: map[string]js.Value{}, limits: Limits{
		Workgroup: limits.Get("maxComputeWorkgroupStorageSize").Int(),
		Buffer:    int(min(limits.Get("maxStorageBufferBindingSize").Float(), limits.Get("maxBufferSize").Float(), 1<<30)),
	}}
	d.describe(adapter.Get("info"))
	d.lose = js.FuncOf(func(_ js.Value, args []js.Value) any {
		d.lost = strings.TrimSpace("the graphics card was lost. " + args[0].Get("message").String())
		d.lose.Release()
		return nil
	})
	value.Get("lost").Call("then", d.lose)
	return d, nil
}

// vendors are the names of vendors, by WebGPU's.
var vendors = map[string]string{"nvidia": "NVIDIA", "amd": "AMD", "apple": "Apple", "intel": "Intel", "arm": "ARM", "qualcomm": "Qualcomm"}

// describe sets the names from WebGPU's information on the adapter.
func (d *Device) describe(info js.Value) {
	text := func(name string) string {
		if value := info.Get(name); value.Type() == js.TypeString {
			return value.String()
		}
		return ""
	}
	vendor, architecture := text("vendor"), text("architecture")
	if d.Name = text("description"); d.Name == "" {
		if d.Name = vendor; vendors[vendor] != "" {
			d.Name = vendors[vendor]
		}
		d.Name = strings.TrimSpace(d.Name + " " + architecture)
	}
	if d.Name == "" {
		d.Name = "graphics card"
	}
	d.Kernel = "webgpu"
	for _, part := range []string{vendor, architecture, text("device")} {
		words := strings.FieldsFunc(strings.ToLower(part), func(r rune) bool { return !isWord(r) || r == '_' })
		for _, word := range words {
			d.Kernel += "-" + word
		}
	}
	fallback := info.Get("isFallbackAdapter")
	d.Software = fallback.Type() == js.TypeBoolean && fallback.Bool()
	for _, known := range []string{"swiftshader", "llvmpipe", "lavapipe", "basic render"} {
		d.Software = d.Software || strings.Contains(strings.ToLower(d.Name+" "+architecture), known)
	}
}

// Lost returns why the device is lost, "" if it is not.
func (d *Device) Lost() string { return d.lost }

// Close gives the device back.
func (d *Device) Close() { d.value.Call("destroy") }

// buffer returns a new buffer. The names of usages are those of GPUBufferUsage.
func (d *Device) buffer(bytes int, usages ...string) js.Value {
	usage, names := 0, js.Global().Get("GPUBufferUsage")
	for _, name := range usages {
		usage |= names.Get(name).Int()
	}
	return d.value.Call("createBuffer", map[string]any{"size": (bytes + 3) &^ 3, "usage": usage})
}

// within runs do and returns what went wrong with the device meanwhile: too little memory,
// or an invalid request.
func (d *Device) within(do func() error) (err error) {
	filters := []string{"validation", "out-of-memory"}
	for _, filter := range filters {
		d.value.Call("pushErrorScope", filter)
	}
	err = do()
	for range filters {
		failure, popErr := browser.Await(d.value.Call("popErrorScope"))
		switch {
		case err != nil:
		case popErr != nil:
			err = popErr
		case failure.Truthy() && failure.InstanceOf(js.Global().Get("GPUOutOfMemoryError")):
			err = errors.New("the graphics card has too little free memory")
		case failure.Truthy():
			err = errors.New(failure.Get("message").String())
		}
	}
	return err
}

// write writes to a buffer.
func (d *Device) write(buffer js.Value, at int, data []byte) {
	array := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(array, data)
	d.value.Get("queue").Call("writeBuffer", buffer, at, array)
}

// layout is the layout of bindings: reads, then writes. That of none is the layout of the
// parameters of a step.
type layout struct{ reads, writes int }

// layout returns a layout.
func (d *Device) layout(l layout) js.Value {
	if made, ok := d.layouts[l]; ok {
		return made
	}
	entries := make([]any, max(1, l.reads+l.writes))
	for i := range entries {
		buffer := map[string]any{"type": "read-only-storage"}
		switch {
		case l == layout{}:
			buffer = map[string]any{"type": "uniform", "hasDynamicOffset": true}
		case i >= l.reads:
			buffer["type"] = "storage"
		}
		entries[i] = map[string]any{"binding": i, "visibility": 4, "buffer": buffer} // 4: of compute shaders
	}
	d.layouts[l] = d.value.Call("createBindGroupLayout", map[string]any{"entries": entries})
	return d.layouts[l]
}

// pipeline starts to compile a kernel, unless that was done before. The browser compiles
// several at a time.
func (d *Device) pipeline(k Kernel, first js.Value) {
	if _, ok := d.pipelines[k.Code]; ok {
		return
	}
	compiled := d.value.Call("createComputePipelineAsync", map[string]any{
		"label":   k.Name,
		"layout":  d.value.Call("createPipelineLayout", map[string]any{"bindGroupLayouts": []any{first, d.layout(layout{len(k.Reads), len(k.Writes)})}}),
		"compute": map[string]any{"module": d.value.Call("createShaderModule", map[string]any{"label": k.Name, "code": k.Code}), "entryPoint": "main"},
	})
	compiled.Call("catch", ignored)
	d.pipelines[k.Code] = compiled
}

// ignored handles the error of a kernel that is not waited for, because one before it has
// failed. Otherwise the browser reports it.
var ignored = js.FuncOf(func(js.Value, []js.Value) any { return nil })
