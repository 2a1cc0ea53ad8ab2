// Command main does what the runtime needs its table of functions for: it grows its stack,
// makes garbage, recovers from panics, calls through reflection and panics.
package main

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

type list struct {
	next    *list
	content [100]byte
}

func main() {
	var kept *list
	for i := range 1_000_000 {
		fresh := &list{}
		if i%1000 == 0 {
			fresh.next, kept = kept, fresh
		}
	}
	n := 0
	for ; kept != nil; kept = kept.next {
		n++
	}
	fmt.Printf("deep %d, kept %d\n", deep(100_000), n)
	fmt.Println(recovered(), reflected())
	fmt.Println(fmt.Sprint((*valueMethod)(nil)))
	done := make(chan string)
	go func() {
		runtime.GC()
		done <- strings.Repeat("joined ", 2)
	}()
	fmt.Println(<-done)
	strings.Map(strike, "x")
}

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + deep(n-1)
}

// valueMethod is called through a nil pointer, which the runtime reports by the name of the
// method.
type valueMethod struct{ text string }

func (v valueMethod) String() string { return v.text }

// recovered returns what deferred functions, in order and in a loop, have recovered.
func recovered() (text string) {
	defer func() { text += fmt.Sprint(recover()) }()
	for i := range 3 {
		defer func() { text += fmt.Sprint(i, " ") }()
	}
	var none []int
	return fmt.Sprint(none[len(text)])
}

// reflected returns a sum of a function that reflection has made, while garbage is collected.
func reflected() int64 {
	sum := func(a, b *int64) *int64 { return nil }
	made := reflect.MakeFunc(reflect.TypeOf(sum), func(args []reflect.Value) []reflect.Value {
		runtime.GC()
		deep(10_000)
		total := args[0].Elem().Int() + args[1].Elem().Int()
		return []reflect.Value{reflect.ValueOf(&total)}
	})
	a, b := int64(40), int64(2)
	return *made.Interface().(func(a, b *int64) *int64)(&a, &b)
}

//go:noinline
func strike(rune) rune { panic("struck by lightning") }
