package webgpu

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sae/nn"
)

// networks are networks of all kinds, and the shapes that are hardest on a device.
var networks = map[string]nn.Architecture{
	"experiment 2":    {InputDims: 3072, EncoderHidden: []int{512, 128}, LatentDims: 64, Lambda: 1e-5},
	"experiment 3":    {InputDims: 3072, EncoderHidden: []int{512, 128}, LatentDims: 64, DecoderHidden: []int{128, 512}, Lambda: 1e-5},
	"experiment 4":    {InputDims: 3072, EncoderHidden: []int{512, 256}, LatentDims: 64, DecoderHidden: []int{256, 512}, Latent: nn.Linear},
	"experiment 5":    {InputDims: 3072, LatentDims: 128, K: 32, Loss: nn.MSE, Unit: true, Aux: 1. / 32, DeadSteps: 100, Center: true},
	"experiment 6":    {InputDims: 192, LatentDims: 512, K: 8, Loss: nn.MSE, Unit: true, Aux: 1. / 32, DeadSteps: 100, Center: true},
	"S":               {InputDims: 3072, EncoderHidden: []int{128}, LatentDims: 32, DecoderHidden: []int{128}, Lambda: 1e-5},
	"T":               {InputDims: 3072, EncoderHidden: []int{16}, LatentDims: 8, DecoderHidden: []int{16}, Lambda: 1e-5},
	"M":               {InputDims: 3072, EncoderHidden: []int{512}, LatentDims: 128, DecoderHidden: []int{512}, Lambda: 1e-5},
	"L":               {InputDims: 3072, EncoderHidden: []int{1024, 512}, LatentDims: 128, DecoderHidden: []int{512, 1024}, Lambda: 1e-5},
	"narrow":          {InputDims: 1, EncoderHidden: []int{1}, LatentDims: 1, DecoderHidden: []int{1}},
	"wide":            {InputDims: 300, EncoderHidden: []int{4100}, LatentDims: 1023, DecoderHidden: []int{4100}, K: 999, Unit: true},
	"of 4,092 units":  {InputDims: 48, LatentDims: 4092, K: 65, Loss: nn.MSE, Unit: true, Aux: 1, DeadSteps: 1, Center: true},
	"of layers of 1":  {InputDims: 3071, EncoderHidden: []int{1, 4096, 1}, LatentDims: 7, DecoderHidden: []int{1, 4096, 1}, Latent: nn.Linear},
	"deep and narrow": {InputDims: 3072, EncoderHidden: []int{64, 64, 64}, LatentDims: 64, DecoderHidden: []int{64, 64, 64}, Loss: nn.MSE},
}

// Every plan keeps within the limits of a device that has no more than WebGPU asks for: 8
// storage buffers of 128 MB for a kernel, 256 threads and 16 KB for a workgroup, 65,535
// workgroups along each axis.
func TestMinimalDevice(t *testing.T) {
	for name, network := range networks {
		for _, batch := range []int{1, 31, 64, 128, 4096} {
			plan, err := NewPlan(network, nn.DefaultAdam, batch, 1000, 100, network.InputDims == 192, Minimal)
			if errors.As(err, new(Unfit)) && batch == 4096 {
				continue // its activations are too large
			}
			if err != nil {
				t.Errorf("%s, batch %d: %v", name, batch, err)
				continue
			}
			for _, k := range slices.Concat(plan.Train, plan.Evaluate) {
				where := fmt.Sprintf("%s, batch %d, %s", name, batch, k.Name)
				if n := len(k.Reads) + len(k.Writes); n > 8 {
					t.Errorf("%s: %d buffers, want at most 8", where, n)
				}
				if k.Threads > 256 || k.Threads < 1 {
					t.Errorf("%s: %d threads, want 1 to 256", where, k.Threads)
				}
				if bytes := workgroupBytes(t, k.Code); bytes > Minimal.Workgroup {
					t.Errorf("%s: %d bytes for a workgroup, want at most %d", where, bytes, Minimal.Workgroup)
				}
				for _, n := range []int{k.Grid[0], k.Grid[1], k.Parts} {
					if n < 1 || n > 65535 {
						t.Errorf("%s: %d by %d by %d workgroups, want 1 to 65,535", where, k.Grid[0], k.Grid[1], k.Parts)
					}
				}
				for i, buffer := range k.Writes {
					if slices.Contains(k.Reads, buffer) || slices.Contains(k.Writes[:i], buffer) {
						t.Errorf("%s: buffer %s twice", where, buffer)
					}
				}
				for _, buffer := range slices.Concat(k.Reads, k.Writes) {
					if plan.Bytes[buffer] < 16 {
						t.Errorf("%s: buffer %s of %d bytes", where, buffer, plan.Bytes[buffer])
					}
				}
			}
		}
	}
}

// Kernels of few columns do not make the update compute mostly what lies beyond them, and
// those of many use the large tile, which reads less.
func TestUpdateTile(t *testing.T) {
	for name, want := range map[string]int{"T": 64, "narrow": 64, "S": 256, "M": 256, "L": 256, "experiment 5": 256} {
		plan, err := NewPlan(networks[name], nn.DefaultAdam, 128, 1000, 100, false, Minimal)
		if err != nil {
			t.Fatal(err)
		}
		if k := plan.Train[slices.IndexFunc(plan.Train, func(k Kernel) bool { return k.Name == "update" })]; k.Threads != want {
			t.Errorf("%s: the update has workgroups of %d threads, want %d", name, k.Threads, want)
		}
	}
}

var workgroupArray = regexp.MustCompile(`var<workgroup> \w+: (array<vec4f, (\d+)u>|array<u32, (\d+)u>|atomic<u32>);`)

// workgroupBytes returns the workgroup memory that a kernel declares.
func workgroupBytes(t *testing.T, code string) (bytes int) {
	t.Helper()
	found := workgroupArray.FindAllStringSubmatch(code, -1)
	if len(found) != strings.Count(code, "var<workgroup>") {
		t.Fatalf("unknown workgroup memory in\n%s", code)
	}
	for _, match := range found {
		vectors, _ := strconv.Atoi(match[2])
		numbers, _ := strconv.Atoi(match[3])
		bytes += 16*vectors + 4*numbers
		if match[2]+match[3] == "" {
			bytes += 4
		}
	}
	return bytes
}

// What does not fit the device is refused, for people.
func TestUnfit(t *testing.T) {
	small := Limits{Workgroup: 16 << 10, Buffer: 1 << 20}
	for _, test := range []struct {
		network nn.Architecture
		batch   int
		images  int
		limits  Limits
		want    string
	}{
		{networks["S"], 32, 60000, Minimal, "the data set takes 176 MB, and this graphics card has room for 128 MB at a time"},
		{networks["S"], 32, 100, small, "the network takes"},
		{nn.Architecture{InputDims: 48, LatentDims: 8}, 4096, 5000, Limits{Workgroup: 16 << 10, Buffer: 300 << 10}, "a batch takes"},
		{nn.Architecture{InputDims: 4, LatentDims: 5000, K: 1}, 1, 1, Minimal, "TopK of more than 4092 units"},
	} {
		_, err := NewPlan(test.network, nn.DefaultAdam, test.batch, test.images, 10, false, test.limits)
		if !errors.As(err, new(Unfit)) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v of %d images on a device of %+v: error %v, want %q", test.network, test.images, test.limits, err, test.want)
		}
	}
}

// The dispatches of a step are as few as the documentation says, and so are the bytes that it
// moves: see docs/performance.md.
func TestDispatches(t *testing.T) {
	for name, want := range map[string]int{"experiment 2": 6, "experiment 3": 6, "experiment 4": 10, "experiment 5": 9, "experiment 6": 9, "S": 6, "M": 6, "L": 14} {
		batch := map[string]int{"experiment 4": 32, "experiment 5": 64, "experiment 6": 256}[name]
		if batch == 0 {
			batch = 128
		}
		plan, err := NewPlan(networks[name], nn.DefaultAdam, batch, 5000, 1000, name == "experiment 6", Minimal)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range plan.Train {
			names = append(names, k.Name)
		}
		t.Logf("%s: %d dispatches, %d bytes to the device, 16 back: %s", name, len(plan.Train), stepBytes+4*batch, strings.Join(names, ", "))
		if len(plan.Train) != want {
			t.Errorf("%s: %d dispatches, want %d", name, len(plan.Train), want)
		}
	}
}
