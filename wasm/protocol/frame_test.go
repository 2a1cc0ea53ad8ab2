package protocol

import (
	"reflect"
	"strings"
	"testing"

	"sae/nn"
	"sae/nn/analysis"
)

// A frame arrives as it was sent, with all lists of numbers in buffers, and the one
// that was sent stays.
func TestFrame(t *testing.T) {
	whole := func() Frame {
		return Frame{
			Run: 3, Status: StatusTraining, Points: []Point{{Epoch: 1, Loss: 2}},
			Samples: &Samples{Images: []int{7}, Labels: []int{1}, Originals: []byte{1}, Reconstructions: []byte{2}, Codes: []float32{3}},
			Units: &analysis.Units{
				Mean: []float32{4}, Activity: []float32{5}, Center: []float32{6}, ByClass: []float32{7},
				Histogram: analysis.Histogram{Shares: []float32{8}, Zero: 0.5, Max: 9}, Atoms: []byte{10},
			},
			Explained: &Explained{Epoch: 1, Batch: 2, Step: &nn.Explanation{Images: 3, Layers: []nn.LayerStep{
				{Name: "latent", Activations: []float32{11}, Updates: []float32{12}},
				{Name: "output", Activation: nn.Sigmoid, Activations: []float32{13}, Updates: []float32{14}},
			}}},
		}
	}
	for name, change := range map[string]func(*Frame){
		"whole":         func(*Frame) {},
		"no samples":    func(f *Frame) { f.Samples = nil },
		"no units":      func(f *Frame) { f.Units = nil },
		"not explained": func(f *Frame) { f.Explained = nil },
		"too large":     func(f *Frame) { f.Explained.Step = nil },
		"news":          func(f *Frame) { f.Samples, f.Units, f.Explained = nil, nil, nil },
	} {
		frame, want := whole(), whole()
		change(&frame)
		change(&want)
		m := frame.Message()
		if !reflect.DeepEqual(frame, want) {
			t.Errorf("%s: sent, it is %+v", name, frame)
		}
		got, err := ReadFrame(m)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v arrives, want %+v: %v", name, got, want, err)
		}
	}
	m := whole().Message()
	if len(m.Buffers) != 13 || strings.Contains(string(m.Body), "11") {
		t.Errorf("%d buffers and the body %s", len(m.Buffers), m.Body)
	}
	for _, n := range []int{0, 12} {
		short := m
		short.Buffers = m.Buffers[:n]
		if _, err := ReadFrame(short); err == nil || !strings.HasSuffix(err.Error(), "buffers: want 13") {
			t.Errorf("%d buffers: error %v", n, err)
		}
	}
}

func TestUnitDetail(t *testing.T) {
	want := UnitDetail{analysis.Unit{Activations: []float32{1, 2}, Top: []int{1, 0}, Bias: 3}, []byte{4}}
	got, err := ReadUnitDetail(want.Message())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ReadUnitDetail(New(TypeReply, want)); err == nil {
		t.Error("a detail without buffers is taken")
	}
}
