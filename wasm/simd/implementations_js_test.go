package simd

import "testing"

func init() {
	for _, module := range modules {
		implementations = append(implementations, implementation{module.name, func(tb testing.TB) kernels {
			linked, err := link(module.name, module.code)
			if err != nil {
				tb.Fatal(err)
			}
			return linked
		}})
	}
}
