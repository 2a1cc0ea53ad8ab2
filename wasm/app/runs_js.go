package app

import (
	"encoding/json"
	"syscall/js"

	"sae/wasm/browser"
	"sae/web/state"
)

// keeper stores runs in the browser. A record has the run as JSON, and its model, a Blob.
// Changes are made in order.
func (a *app) keeper() state.Keeper {
	var store *browser.Store
	var unopened error
	last := make(chan struct{}) // closed when the last job is done
	go func(opened chan<- struct{}) {
		store, unopened = browser.OpenStore("sae-runs")
		close(opened)
	}(last)
	do := func(job func(*browser.Store, error)) {
		before, done := last, make(chan struct{})
		last = done
		go func() {
			<-before
			job(store, unopened)
			close(done)
		}()
	}
	return state.Keeper{
		Put: func(run state.Run, done state.Done) {
			model := run.Model
			do(func(store *browser.Store, err error) {
				var text []byte
				if err == nil {
					text, err = json.Marshal(run)
				}
				if err == nil {
					err = store.Put(run.Key, map[string]any{"run": string(text), "model": model})
				}
				a.do(func() { done(err) })
			})
		},
		Delete: func(key string) {
			do(func(store *browser.Store, err error) {
				if err == nil {
					store.Delete(key) // the user can delete it again
				}
			})
		},
		All: func(done func([]state.Run)) {
			do(func(store *browser.Store, err error) {
				var records js.Value
				if err == nil {
					records, err = store.All()
				}
				if err != nil {
					return
				}
				var runs []state.Run
				for i := range records.Length() {
					var run state.Run
					text, err := browser.Get(records.Index(i), "run")
					if err == nil && json.Unmarshal([]byte(text.String()), &run) == nil {
						run.Model = records.Index(i).Get("model")
						runs = append(runs, run)
					}
				}
				a.do(func() { done(runs) })
			})
		},
	}
}
