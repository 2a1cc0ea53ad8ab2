package state

import (
	"encoding/json"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

func TestSnapshot(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Epoch: 1, Epochs: []protocol.Epoch{{Epoch: 1, Loss: .6, Evaluation: protocol.Evaluation{ValLoss: .61, Dead: 2}}}})
	text, err := json.Marshal(page.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"status":"idle"`, `"epoch":1`, `"kernel":"go"`, `"workers":1`, `"settings":{"experiment":2,"hidden":`,
		`"history":[{"epoch":1,"loss":0.6,"bce":0,"l1":0,"valLoss":0.61,"valBce":0,"valMse":0,"psnr":0,"active":0,"dead":2}]`,
		`"dataset":{"name":"synthetic","train":300,"validation":40,"classes":["a"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}
