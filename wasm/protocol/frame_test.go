package protocol

import (
	"reflect"
	"strings"
	"testing"

	"sae/nn"
	"sae/nn/analysis"
)

// A frame arrives as it was sent, with all lists of numbers in buffers, and the original
// does not change.
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
		m := New(TypeFrame, frame)
		if !reflect.DeepEqual(frame, want) {
			t.Errorf("%s: sent, it is %+v", name, frame)
		}
		got, err := Decode[Frame](m)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v arrives, want %+v: %v", name, got, want, err)
		}
	}
	m := New(TypeFrame, whole())
	if len(m.Buffers) != 13 || strings.Contains(string(m.Body), "11") {
		t.Errorf("%d buffers and the body %s", len(m.Buffers), m.Body)
	}
	for _, n := range []int{0, 12} {
		short := m
		short.Buffers = m.Buffers[:n]
		if _, err := Decode[Frame](short); err == nil || !strings.HasSuffix(err.Error(), "buffers: want 13") {
			t.Errorf("%d buffers: error %v", n, err)
		}
	}
}

// The same holds for all other bodies with lists.
func TestLists(t *testing.T) {
	roundTrip(t, UnitDetail{analysis.Unit{Activations: []float32{1, 2}, Top: []int{1, 0}, Bias: 3}, analysis.Ablation{With: 1, Without: 2}, []byte{4}}, 2)
	roundTrip(t, Pictures{[]byte{1, 2}}, 1)
	roundTrip(t, BuildUp{[]int{0, 1}, []int{7}, []byte{1, 2}}, 1)
	roundTrip(t, Codes{[]float32{1, 2}}, 1)
	roundTrip(t, Map{[]float32{1, 2}}, 1)
	roundTrip(t, Dataset{Name: "a", Validation: 2, Labels: []byte{1, 2}}, 1)
	roundTrip(t, Bench{Batch: 3, Data: []byte{1, 2}}, 1)
	roundTrip(t, Unit{3}, 0)
}

func roundTrip[T any](t *testing.T, want T, buffers int) {
	t.Helper()
	m := New(TypeReply, want)
	if len(m.Buffers) != buffers {
		t.Errorf("%T has %d buffers, want %d", want, len(m.Buffers), buffers)
	}
	if got, err := Decode[T](m); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v arrives, want %+v: %v", got, want, err)
	}
	if m.Buffers = nil; buffers > 0 {
		if _, err := Decode[T](m); err == nil {
			t.Errorf("%T without its buffers is accepted", want)
		}
	}
}
