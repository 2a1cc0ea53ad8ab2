//go:build !js

// The corpus is in files, which a browser cannot read.

package worker

import (
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sae/data"
	"sae/tools/bounds"
	"sae/wasm/protocol"
)

// fuzzed is the most parameters of a network that a fuzzed message may ask for. Larger
// networks may rightly take more memory.
const fuzzed = 200_000

// messagesBound is how many bytes the worker may allocate for messages of n bytes in
// total, whose networks have at most fuzzed parameters: some dozen arrays of parameters
// for each message, and memory for decoding and pictures.
func messagesBound(messages, n int) int { return 64<<20 + messages*64*fuzzed + 4000*n }

// FuzzMessages sends the worker arbitrary commands, one per line: a type and a body. All
// have the same buffer, which is also their file. The worker must answer each, and then
// still work.
func FuzzMessages(f *testing.F) {
	image := make([]byte, data.ImageSize)
	start := `load {"source":"synthetic"}
watch {"images":[0,1]}
configure {"run":1,"settings":` + string(protocol.New("", small(f)).Body) + "}\n"
	f.Add(start+"step\nreconstruct {}\nencode {}\nunusual {}\nimages {\"images\":[3]}\nunit {\"unit\":1}\nmap\npca {\"k\":2,\"images\":30}", image)
	f.Add(start+`export {"format":"npz"}
pace {"perSecond":4}
play
adjust {"epochs":3,"workers":"2","device":"auto"}
pause
decode {}
seen {"displayMs":1e300}
nonsense
play`, image[:16])
	f.Add(start+`import {"run":2,"settings":`+string(protocol.New("", small(f)).Body)+"}\nstep", []byte("PK"))
	f.Add(`bench {"layers":[3072,2,3072],"latentIndex":1,"batch":1,"epochs":1,"images":1,"lr":1e-3,"beta1":0.9,"beta2":0.999,"eps":1e-7,"budgetMs":1}`, image)
	f.Add(`join {"rank":1,"size":2,"architecture":{"InputDims":3072,"LatentDims":2},"adam":{"LearningRate":0.1,"Epsilon":1e-7},"batch":4}`, []byte{})
	for _, hostile := range []string{
		`bench {"layers":[3072,2,3072],"latentIndex":1,"batch":1,"epochs":1,"images":6002400640683000,"lr":1e-3,"beta1":0.9,"beta2":0.999,"eps":1e-7}`,
		`bench {"layers":[3072,2,3072],"latentIndex":1,"batch":1099511627776,"epochs":1,"images":1,"lr":1e-3,"beta1":0.9,"beta2":0.999,"eps":1e-7}`,
		`bench {"layers":[3072,2,3072],"latentIndex":1,"batch":-1,"epochs":1,"images":1}`,
		`join {"rank":1,"size":2,"architecture":{"InputDims":3072,"LatentDims":2},"adam":{"LearningRate":0.1,"Epsilon":1e-7},"batch":1099511627776}`,
		`join {"rank":0,"size":2,"architecture":{"InputDims":3072,"LatentDims":2},"adam":{"LearningRate":0.1,"Epsilon":1e-7},"batch":4}`,
		`join {"rank":-1,"size":3,"architecture":{"InputDims":-3072,"LatentDims":2},"batch":-1}`,
		start + `watch {"images":[` + strings.Repeat("0,", 10_000) + "0]}\nstep",
		start + `images {"images":[` + strings.Repeat("0,", 100_000) + "0]}",
		start + "pace {\"perSecond\":1e-300}\nplay\nadjust {\"epochs\":-1,\"workers\":\"1000\"}\nstep\npca {\"k\":-1,\"images\":30}\nunit {\"unit\":-1}",
	} {
		f.Add(hostile, image)
	}
	set := data.Synthetic(40, 10, 1)
	f.Fuzz(func(t *testing.T, text string, buffer []byte) {
		lines := strings.Split(text, "\n")
		var messages []protocol.Message
		for _, line := range lines {
			command, body, _ := strings.Cut(line, " ")
			m := protocol.Message{Type: protocol.Type(command), Body: []byte(body), Buffers: [][]byte{buffer}, File: buffer}
			if large(m) {
				return
			}
			messages = append(messages, m)
		}
		bounds.Hold(t, messagesBound(len(messages), len(text)+len(buffer)), func() { converse(t, set, messages) })
	})
}

func small(t testing.TB) any {
	return settings(t, map[string]string{"hidden": "8", "latent": "4", "epochs": "2", "batch": "16"})
}

// large reports whether a command asks for a network that is larger than fuzzed but
// allowed.
func large(m protocol.Message) bool {
	var layers []int
	switch m.Type {
	case protocol.TypeConfigure:
		c, _ := protocol.Decode[protocol.Configure](m)
		layers = c.Settings.Architecture(data.ImageSize).Widths()
	case protocol.TypeImport:
		c, _ := protocol.Decode[protocol.Import](m)
		layers = c.Settings.Architecture(data.ImageSize).Widths()
	case protocol.TypeBench:
		c, _ := protocol.Decode[protocol.Bench](m)
		layers = c.Layers
	case protocol.TypeJoin:
		c, _ := protocol.Decode[protocol.Join](m)
		layers = c.Architecture.Widths()
	}
	parameters := 0.0
	for i := 1; i < len(layers); i++ {
		parameters += math.Abs(float64(layers[i-1])+1) * math.Abs(float64(layers[i]))
	}
	return parameters > fuzzed && parameters <= 1<<28 // more are rejected
}

// converse sends the messages, and then a few valid ones, to a new worker.
func converse(t *testing.T, set *data.Dataset, messages []protocol.Message) {
	messages = append(messages,
		protocol.New(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}),
		protocol.New(protocol.TypeConfigure, protocol.Configure{Run: 9, Settings: settings(t, map[string]string{"hidden": "8", "latent": "4", "batch": "16"})}),
		protocol.New(protocol.TypeStep, nil))
	good := len(messages) - 3
	var mutex sync.Mutex
	answers := make([]int, len(messages)) // to each message
	ended := make(chan struct{})
	var w *Worker
	page := pageFunc(func(m protocol.Message) {
		if m.Type == protocol.TypeFrame {
			w.Deliver(protocol.New(protocol.TypeSeen, protocol.Seen{}))
			return
		}
		if m.Type != protocol.TypeReply {
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		answers[m.ID-1]++
		if m.ID > good && m.Error != "" {
			t.Errorf("afterwards, %s fails: %s", messages[m.ID-1].Type, m.Error)
		}
		if m.ID == len(messages) {
			close(ended)
			runtime.Goexit() // ends the worker
		}
	})
	storage := newStorage()
	storage.set = set
	w = New(Platform{Page: page, Storage: storage, Team: alone{}, Graphics: noGraphics{}, Kernel: "go", Cores: 2})
	for i, m := range messages {
		m.ID = i + 1
		w.Deliver(m)
	}
	go w.Run()
	<-ended
	for i, n := range answers {
		silent := messages[i].Type == protocol.TypeSeen || messages[i].Type == protocol.TypeJoin
		if n != 1 && !(silent && n == 0) {
			t.Errorf("message %d, %s, has %d answers", i+1, messages[i].Type, n)
		}
	}
}
