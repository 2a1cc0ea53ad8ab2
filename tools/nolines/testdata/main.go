// Command main grows its stack, makes garbage and panics.
package main

import "fmt"

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
	strike()
}

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + deep(n-1)
}

//go:noinline
func strike() { panic("struck by lightning") }
