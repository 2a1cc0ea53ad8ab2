package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sae/nn/experiment"
)

// fingerprintName is the parameter of a link that carries the fingerprint of the
// run that it was copied from.
const fingerprintName = "fingerprint"

// A Fingerprint tells whether two runs had the same history: in a link as
// "20-relaxed-simd-1a2b3c4d".
type Fingerprint struct {
	Epoch  int    // after which it was taken
	Kernel string // that trained
	Sum    uint32 // of the data set and the losses of all epochs, bit for bit
}

func (f Fingerprint) String() string {
	return fmt.Sprintf("%d-%s-%08x", f.Epoch, f.Kernel, f.Sum)
}

// parseFingerprint is the inverse of String.
func parseFingerprint(text string) (Fingerprint, error) {
	first, last := strings.Index(text, "-"), strings.LastIndex(text, "-")
	if first > 0 && last > first {
		epoch, err := strconv.Atoi(text[:first])
		sum, err2 := strconv.ParseUint(text[last+1:], 16, 32)
		kernel := text[first+1 : last]
		if err == nil && err2 == nil && epoch > 0 && slices.Contains([]string{"go", "simd", "relaxed-simd"}, kernel) {
			return Fingerprint{epoch, kernel, uint32(sum)}, nil
		}
	}
	return Fingerprint{}, fmt.Errorf("%s %q: want an epoch, a kernel and a checksum, such as 20-relaxed-simd-1a2b3c4d", fingerprintName, text)
}

// FingerprintAt returns the fingerprint of the run after an epoch; ok is false
// where it is not that far yet.
func (p *Page) FingerprintAt(epoch int) (f Fingerprint, ok bool) {
	if epoch < 1 || epoch > len(p.History) {
		return Fingerprint{}, false
	}
	bits := []byte(p.dataKey())
	for _, e := range p.History[:epoch] {
		bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(e.Loss))
		bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(e.ValLoss))
	}
	return Fingerprint{epoch, p.Kernel, crc32.Checksum(bits, crc32.MakeTable(crc32.Castagnoli))}, true
}

// Follow takes the settings of a link, by the names of the table, before the first
// data set is there. Those that cannot be used are named in a notice, and the
// defaults are in their place.
func (p *Page) Follow(query string) {
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	problems := []error{err}
	changes := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name][0]
		_, known := experiment.Lookup(name)
		switch {
		case name == fingerprintName:
			f, err := parseFingerprint(value)
			if err == nil {
				p.Expected = &f
			}
			problems = append(problems, err)
		case !known:
			problems = append(problems, fmt.Errorf("%s: there is no such setting", name))
		default:
			changes[name] = value
		}
	}
	settings, err := p.Settings.With(changes)
	if err != nil { // one by one, for those that can be used
		settings = p.Settings
		for _, field := range experiment.Table {
			if value, given := changes[field.Name]; given {
				changed, err := settings.With(map[string]string{field.Name: value})
				problems = append(problems, err)
				settings = changed
			}
		}
		if !slices.ContainsFunc(problems, func(err error) bool { return err != nil }) {
			problems = append(problems, err) // each can be used, but not together
		}
	}
	p.Settings = settings
	if err := errors.Join(problems...); err != nil {
		p.Notice = &Notice{
			Title: "Not all of the link could be used",
			Text:  inLine(err) + ". Defaults are in their place.",
		}
	}
}

// A notice names so many problems, each with so many bytes: a link can have any
// number of any length.
const (
	maxProblems = 5
	maxProblem  = 200
)

// inLine writes joined errors in one line.
func inLine(err error) string {
	problems := strings.Split(err.Error(), "\n")
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(problems[:maxProblems], fmt.Sprintf("and %d more", more))
	}
	for i, problem := range problems {
		if len(problem) > maxProblem {
			problems[i] = strings.ToValidUTF8(problem[:maxProblem], "") + "…"
		}
	}
	return strings.Join(problems, "; ")
}

// Query returns the part of a link from the question mark on that opens the page
// with the same settings; "" for the defaults. With a finished epoch, it carries
// the run's fingerprint.
func (p *Page) Query(fingerprint bool) string {
	var parts []string
	add := func(name, value string) {
		// Only what a query needs escaped: "hidden=512,128" reads better.
		value = strings.NewReplacer("%2C", ",", "%2F", "/").Replace(url.QueryEscape(value))
		parts = append(parts, name+"="+value)
	}
	for _, change := range p.Settings.Changes() {
		if change.Name != "workers" || !fingerprint { // of the machine, not of the experiment
			add(change.Name, change.Value)
		}
	}
	if f, ok := p.FingerprintAt(len(p.History)); ok && fingerprint {
		add(fingerprintName, f.String())
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// Reproduced tells how the run compares with the one of the link that the page was
// opened with, in a sentence; "" without such a link.
func (p *Page) Reproduced() string {
	if p.Expected == nil {
		return ""
	}
	got, ok := p.FingerprintAt(p.Expected.Epoch)
	switch {
	case !ok:
		return fmt.Sprintf("The link's run will be compared with this one after epoch %d.", p.Expected.Epoch)
	case got == *p.Expected:
		return fmt.Sprintf("The same as the link's run, bit for bit, up to epoch %d.", got.Epoch)
	case got.Kernel != p.Expected.Kernel:
		return fmt.Sprintf("The link's run was trained on other kernels (%s), so losses differ in their last digits.", p.Expected.Kernel)
	}
	return "Not the same as the link's run: settings, data or the program are others."
}
