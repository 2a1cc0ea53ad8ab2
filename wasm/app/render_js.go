package app

import (
	"slices"
	"syscall/js"
	"time"

	"sae/wasm/browser"
)

// enter queues a job that JavaScript asked for; a goroutine runs the jobs in order. A
// function that JavaScript calls must not wait for the lock itself: the code that holds the
// lock may be the one that caused the call, and goes on only when it returns. For example,
// Chromium sends a change event while a render removes the focused field. As a rule, the
// job is done before JavaScript goes on.
func (a *app) enter(job func()) {
	a.queue = append(a.queue, job)
	if len(a.queue) > 1 {
		return // the goroutine is running
	}
	go func() {
		for len(a.queue) > 0 {
			a.queue[0]()
			a.queue = slices.Delete(a.queue, 0, 1) // forgets what the job holds
		}
	}()
}

// change queues a change of the page's state, and calls render after it.
func (a *app) change(change, render func()) {
	a.enter(func() {
		a.lock.Lock()
		start := time.Now()
		a.attempt(change)
		a.prepare()
		a.busy += time.Since(start)
		a.lock.Unlock()
		render()
	})
}

// do queues a change of the page's state and renders the result.
func (a *app) do(change func()) { a.change(change, a.renderNow) }

// ask changes the page's state, renders the result and returns what the change returns. It
// must not be called in a js.Func, where it would deadlock.
func (a *app) ask(change func() bool) bool {
	answer := make(chan bool, 1)
	a.do(func() { answer <- change() })
	return <-answer
}

// attempt runs change and tells the user of a JavaScript exception in it.
func (a *app) attempt(change func()) {
	if err := browser.Try(change); err != nil {
		a.page.Messages.Notify("That did not work", err.Error()+". Try again; if it still does not work, reload the page.")
	}
}

// quietly queues a change of the page's state and renders the result a little later.
func (a *app) quietly(change func()) { a.change(change, a.renderSoon) }

// renderNow asks for a pass over the page.
func (a *app) renderNow() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// renderSoon renders when there has been no quiet change for a while.
func (a *app) renderSoon() {
	const while = 150 * time.Millisecond
	if a.soon == nil {
		a.soon = time.AfterFunc(while, func() { a.do(func() {}) })
		return
	}
	a.soon.Reset(while)
}

// renderLater renders messages of the worker together: often several come at once.
func (a *app) renderLater() {
	if a.later {
		return
	}
	a.later = true
	time.AfterFunc(40*time.Millisecond, func() {
		a.later = false
		a.do(func() {})
	})
}

// measureDisplay measures how long the next animation frames take, each with one of the charts
// that are due, the browser's layout and painting, and tells the page how long all its work took
// since it showed the frame before: also what was asked of the worker because of that one. In a
// hidden tab it waits until the tab is shown.
func (a *app) measureDisplay() {
	if a.paints {
		return
	}
	a.paints = true
	var start time.Time
	var before, after js.Func
	next := func() { js.Global().Call("requestAnimationFrame", before) }
	before = js.FuncOf(func(js.Value, []js.Value) any {
		start = time.Now()
		js.Global().Call("setTimeout", after) // the first task after the painting
		return nil
	})
	after = js.FuncOf(func(js.Value, []js.Value) any {
		a.busy += time.Since(start)
		if a.root.Drawing() {
			next()
			return nil
		}
		a.page.Worker.Displayed(a.busy)
		a.paints, a.busy = false, 0
		before.Release()
		after.Release()
		return nil
	})
	next()
}
