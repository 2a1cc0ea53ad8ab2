package webgpu

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var name = regexp.MustCompile(`\$\w+`)

// wgsl replaces each $name in the text by the value that follows the name in pairs: an int
// as a u32, a float64 as a f32, a string as it is.
func wgsl(text string, pairs ...any) string {
	return name.ReplaceAllStringFunc(text, func(found string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == found[1:] {
				return literal(pairs[i+1])
			}
		}
		panic("webgpu: no value for " + found)
	})
}

func literal(value any) string {
	switch value := value.(type) {
	case int:
		return strconv.Itoa(value) + "u"
	case float64:
		return strconv.FormatFloat(value, 'e', -1, 32) + "f"
	case string:
		return value
	}
	panic(fmt.Sprintf("webgpu: a %T in WGSL", value))
}

// each returns the lines that line returns for 0 to n−1.
func each(n int, line func(i int) string) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = line(i)
	}
	return strings.Join(lines, "\n")
}

// joined is each, separated by something else than line breaks.
func joined(n int, separator string, part func(i int) string) string {
	return strings.ReplaceAll(each(n, part), "\n", separator)
}

func ceil(a, b int) int { return (a + b - 1) / b }
