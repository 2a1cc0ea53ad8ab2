// Package bounds holds tests that take any input to what that may cost.
package bounds

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// patience is how long an input may take: on a busy machine much longer than any
// does, so that only one without an end is caught.
const patience = time.Minute

// Hold runs f. The test fails where f allocates more than so many bytes, in all and
// not at a time; the program ends where f does not.
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
