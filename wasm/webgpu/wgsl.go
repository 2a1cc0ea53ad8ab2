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

// addUp is WGSL that adds up a term of each of a workgroup's threads, whose number is a power of
// two, in a fixed order. The first thread, t = 0, has the sum in tile[0]; the others have it
// after a barrier.
func addUp(term string, threads int) string {
	return wgsl(`tile[t] = $term;
  for (var half = $half; half > 0u; half /= 2u) { workgroupBarrier(); if (t < half) { tile[t] += tile[t + half]; } }`, "term", term, "half", threads/2)
}

func ceil(a, b int) int { return (a + b - 1) / b }
