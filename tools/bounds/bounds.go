// Package bounds limits the time and memory of tests with arbitrary input.
package bounds

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// patience is far longer than any input takes, even on a busy machine: only an endless
// loop exceeds it.
const patience = time.Minute

// Hold runs f. It fails the test if f allocates more than the given number of bytes, and
// panics if f does not return.
func Hold(tb testing.TB, bytes int, f func()) {
	tb.Helper()
	timer := time.AfterFunc(patience, func() { panic(fmt.Sprintf("bounds: no end after %v", patience)) })
	defer timer.Stop()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(bytes) {
		tb.Errorf("%d bytes allocated, want at most %d", allocated, bytes)
	}
}
