package state

import (
	"cmp"
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

// fingerprintName is the parameter of a link with the fingerprint of the run that the link
// was copied from.
const fingerprintName = "fingerprint"

// kernels are the names of the kernels.
var kernels = []string{"go", "simd", "relaxed-simd"}

// webGPU begins the names of the kernels of graphics cards: webgpu-nvidia-ampere.
const webGPU = "webgpu"

// isWebGPU reports whether a kernel is a graphics card's.
func isWebGPU(kernel string) bool {
	words := strings.Split(kernel, "-")
	return words[0] == webGPU && !slices.ContainsFunc(words, func(word string) bool {
		return word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789") != ""
	})
}

// A Fingerprint is the same for runs with the same history. A link writes it as
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
		if err == nil && err2 == nil && epoch > 0 && (slices.Contains(kernels, kernel) || isWebGPU(kernel)) {
			return Fingerprint{epoch, kernel, uint32(sum)}, nil
		}
	}
	return Fingerprint{}, fmt.Errorf("%s %q: want an epoch, a kernel and a checksum, such as 20-relaxed-simd-1a2b3c4d", fingerprintName, text)
}

// Link reads and writes links to the page: the settings and the fingerprint of a run.
type Link struct {
	Expected *Fingerprint // in the link that opened the page; nil for none

	first experiment.Settings // of a first visit; zero after a link

	sums []uint32 // of the data set and the losses up to each epoch, as far as computed

	worker   *Worker
	dataset  *Dataset
	training *Training
	messages *Messages
}

// FingerprintAt returns the fingerprint of the run after an epoch; ok is false if the run is
// not that far, or went on with other data, kernels or another learning rate than it began
// with.
func (l *Link) FingerprintAt(epoch int) (f Fingerprint, ok bool) {
	if epoch < 1 || epoch > len(l.training.History) || l.training.mixed {
		return Fingerprint{}, false
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	for n := len(l.sums); n < epoch; n++ {
		var sum uint32
		if n == 0 {
			sum = crc32.Checksum([]byte(l.dataset.key()), table)
		} else {
			sum = l.sums[n-1]
		}
		bits := binary.LittleEndian.AppendUint64(nil, math.Float64bits(l.training.History[n].Loss))
		bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(l.training.History[n].ValLoss))
		l.sums = append(l.sums, crc32.Update(sum, table, bits))
	}
	return Fingerprint{epoch, cmp.Or(l.training.kernel, l.worker.Kernel), l.sums[epoch-1]}, true
}

// Limits far above what any link needs.
const (
	maxQuery = 8192 // characters of a link from the question mark on
	maxValue = 200  // characters of a name or a value in it
)

// parseQuery returns the parameters of a link, and the problems of the link as a whole.
func parseQuery(query string) (url.Values, []error) {
	query = strings.TrimPrefix(query, "?")
	if len(query) > maxQuery {
		return nil, []error{fmt.Errorf("%d characters of parameters: want at most %d", len(query), maxQuery)}
	}
	values, err := url.ParseQuery(query) // also returns the valid parameters
	problems := []error{err}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all := values[name]
		switch {
		case len(name) > maxValue:
			problems = append(problems, fmt.Errorf("%s…: there is no such setting", name[:20]))
		case len(all[0]) > maxValue:
			problems = append(problems, fmt.Errorf("%s: %d characters: want at most %d", name, len(all[0]), maxValue))
		case len(all) > 1:
			problems = append(problems, fmt.Errorf("%s: is there %d times: want it once; the first counts", name, len(all)))
			continue
		default:
			continue
		}
		values.Del(name)
	}
	return values, problems
}

// firstVisit are the settings of a page whose address has no parameters. Links and frames that
// leave out settings mean those of experiment.Default.
var firstVisit = map[string]string{"experiment": "5", "latent": "64", "k": "12"}

// Follow takes the settings of a link, before the first data set is there. A notice names
// those that cannot be used; the defaults replace them.
func (l *Link) Follow(query string) {
	if query == "" {
		l.training.Settings, _ = l.training.Settings.With(firstVisit)
		l.first = l.training.Settings
		return
	}
	values, problems := parseQuery(query)
	l.complain("Not all of the link could be used", append(problems, l.follow(values)...))
}

// Scripted returns the changes of settings that a script asks for. On a first visit whose
// settings nobody has changed, those that name no experiment are of the defaults, as in a link.
func (l *Link) Scripted(changes map[string]string) map[string]string {
	ofModel := slices.ContainsFunc(slices.Collect(maps.Keys(changes)), func(name string) bool { return !ofMachine(name) })
	if _, named := changes["experiment"]; named || !ofModel || l.training.Settings != l.first.OnThisMachine(l.training.Settings) {
		return changes
	}
	changes = maps.Clone(changes)
	changes["experiment"] = strconv.Itoa(experiment.Default().Experiment)
	return changes
}

// follow takes the settings in the parameters of a link, and returns their problems.
func (l *Link) follow(values url.Values) (problems []error) {
	changes := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(name)
		_, known := experiment.Lookup(name)
		switch {
		case name == fingerprintName:
			f, err := parseFingerprint(value)
			if err == nil {
				l.Expected = &f
			}
			problems = append(problems, err)
		case !known:
			problems = append(problems, fmt.Errorf("%s: there is no such setting", name))
		default:
			changes[name] = value
		}
	}
	settings, err := l.training.Settings.With(changes)
	if err != nil { // use them one by one
		settings = l.training.Settings
		before := len(problems)
		for _, field := range experiment.Table {
			if value, given := changes[field.Name]; given {
				changed, err := settings.With(map[string]string{field.Name: value})
				if err != nil {
					problems = append(problems, err)
					continue
				}
				settings = changed
			}
		}
		if len(problems) == before {
			problems = append(problems, err) // they contradict each other
		}
	}
	l.training.Settings = settings
	return problems
}

// complain tells the user of problems.
func (l *Link) complain(title string, problems []error) {
	if err := errors.Join(problems...); err != nil {
		l.messages.inform(aboutSettings, title, inLine(err)+". Defaults are in their place.")
	}
}

// Limits of a notice: the number of problems, and the bytes of each.
const (
	maxProblems = 8
	maxProblem  = 200
)

// inLine writes joined errors on one line.
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

// Query returns the query of a link to the current settings, with its question mark. For the
// default settings it names their experiment, because an empty query would be a first visit.
// If fingerprint is set, it includes that of the run, if there is one, and leaves out what
// depends on the machine.
func (l *Link) Query(fingerprint bool) string {
	var parts []string
	add := func(name, value string) {
		// "hidden=512,128" needs no escapes in a query.
		value = strings.NewReplacer("%2C", ",", "%2F", "/").Replace(url.QueryEscape(value))
		parts = append(parts, name+"="+value)
	}
	for _, change := range l.training.Settings.Changes() {
		if !fingerprint || !ofMachine(change.Name) {
			add(change.Name, change.Value)
		}
	}
	if f, ok := l.FingerprintAt(len(l.training.History)); ok && fingerprint {
		add(fingerprintName, f.String())
	}
	if len(parts) == 0 {
		add("experiment", strconv.Itoa(l.training.Settings.Experiment))
	}
	return "?" + strings.Join(parts, "&")
}

// Reproduced says whether the run is the same as that of the link that opened the page; ""
// without such a link.
func (l *Link) Reproduced() string {
	if l.Expected == nil {
		return ""
	}
	got, ok := l.FingerprintAt(l.Expected.Epoch)
	switch {
	case !ok && l.training.mixed:
		return "Not the link's run: this one went on with other data, kernels or another learning rate than it began with."
	case !ok:
		return fmt.Sprintf("The link's run will be compared with this one after epoch %d.", l.Expected.Epoch)
	case got == *l.Expected:
		return fmt.Sprintf("The same as the link's run, bit for bit, up to epoch %d.", got.Epoch)
	case got.Kernel != l.Expected.Kernel:
		return fmt.Sprintf("The link's run was trained on other kernels (%s), so losses differ in their last digits.", l.Expected.Kernel)
	}
	return "Not the same as the link's run: settings, data or the program are others."
}

// ofMachine reports whether a setting depends on the machine, and not on what is trained.
func ofMachine(name string) bool {
	field, ok := experiment.Lookup(name)
	return ok && field.Machine
}
