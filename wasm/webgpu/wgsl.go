package webgpu

import (
	"fmt"
	"strconv"
	"strings"
)

// wgsl replaces each $name in the text by the value that follows the name in pairs: an int
// as a u32, a float64 as a f32, a string as it is.
func wgsl(text string, pairs ...any) string {
	parts := strings.Split(text, "$")
	for i, part := range parts[1:] {
		name := part
		if end := strings.IndexFunc(part, func(r rune) bool { return !isWord(r) }); end >= 0 {
			name = part[:end]
		}
		parts[i+1] = value(name, pairs) + part[len(name):]
	}
	return strings.Join(parts, "")
}

// isWord reports whether a name may contain a rune.
func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
}

// value returns the value of a name in pairs.
func value(name string, pairs []any) string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == name {
			return literal(pairs[i+1])
		}
	}
	panic("webgpu: no value for $" + name)
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
