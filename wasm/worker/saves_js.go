package worker

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall/js"
	"time"

	"sae/wasm/browser"
	"sae/wasm/protocol"
)

// maxLeft is the number of saves of closed pages that are kept.
const maxLeft = 3

// openSaves opens the browser's saves; the result is cached.
var openSaves = sync.OnceValues(browser.OpenSaves)

func (browserStorage) Save(about protocol.Save, write func(io.Writer) error) error {
	saves, err := openSaves()
	if err != nil {
		return err
	}
	head, err := json.Marshal(about)
	if err != nil {
		return err
	}
	return saves.Write(about.Slot, head, write)
}

func (browserStorage) Saved(slot string) ([]SavedRun, error) {
	runs, err := allSaved(slot)
	return slices.DeleteFunc(runs, func(run SavedRun) bool { return run.Time == 0 }), err
}

// allSaved returns the saves of a slot, or of all slots if slot is "". An incomplete or
// invalid save has only its slot.
func allSaved(slot string) ([]SavedRun, error) {
	saves, err := openSaves()
	if err != nil {
		return nil, err
	}
	files, err := saves.Read(slot)
	if err != nil {
		return nil, err
	}
	var runs []SavedRun
	for _, file := range files {
		run := SavedRun{File: file.Content}
		if json.Unmarshal(file.Head, &run.Save) != nil || run.Settings.Validate() != nil {
			run.Save = protocol.Save{}
		}
		run.Slot = file.Slot
		runs = append(runs, run)
	}
	return runs, nil
}

func (browserStorage) Discard(slot string) error {
	saves, err := openSaves()
	if err != nil {
		return err
	}
	return saves.Delete(slot)
}

func (s browserStorage) Left(own string) []protocol.Save {
	for start := time.Now(); ; {
		runs, err := allSaved("")
		if err != nil {
			return nil
		}
		inUse, patience := usedSlots()
		left := map[string]protocol.Save{} // the newest of each slot
		waiting := false
		for _, run := range runs {
			switch {
			case run.Slot == own:
			case inUse(run.Save):
				waiting = true
			case left[run.Slot].Time == 0:
				left[run.Slot] = run.Save
			}
		}
		if waiting && time.Since(start) < patience {
			time.Sleep(patience / 10)
			continue
		}
		slots := slices.Collect(maps.Keys(left))
		slices.SortStableFunc(slots, func(a, b string) int { return cmp.Compare(left[b].Time, left[a].Time) })
		var newest []protocol.Save
		for _, slot := range slots {
			if left[slot].Time == 0 || len(newest) == maxLeft {
				s.Discard(slot)
				continue
			}
			newest = append(newest, left[slot])
		}
		return newest
	}
}

// usedSlots returns a function that reports whether an open page uses a save's slot, and
// how long it may take until the slot of a closed page is free. A page holds a lock with
// its slot's name. In browsers without locks, a page uses a slot if it has saved recently.
func usedSlots() (inUse func(protocol.Save) bool, patience time.Duration) {
	locks := js.Global().Get("navigator").Get("locks")
	if !locks.Truthy() {
		const renewed = 10 * time.Second
		return func(save protocol.Save) bool { return time.Since(time.UnixMilli(save.Time)) < renewed }, renewed + time.Second
	}
	held := map[string]bool{}
	if state, err := browser.Await(locks.Call("query")); err == nil {
		list := state.Get("held")
		for i := range list.Length() {
			held[list.Index(i).Get("name").String()] = true
		}
	}
	return func(save protocol.Save) bool { return held[protocol.LockName(save.Slot)] }, 5 * time.Second
}
