//go:build js

// Command wasm is the whole demo in one program with two roles: where there
// is a document it is the page, elsewhere the training worker. The browser
// compiles it once; the page posts the compiled module to its worker.
package main

import (
	"sae/wasm/app"
	"sae/wasm/browser"
	"sae/wasm/worker"
)

func main() {
	if browser.HasDocument() {
		app.Run()
	} else {
		worker.Run()
	}
}
