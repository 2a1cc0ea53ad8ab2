package data

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Source is a file that Import can open more than once.
type Source struct {
	Name string // for messages, and to distinguish test_batch from data_batch_1
	Open func() (io.ReadCloser, error)
	Size int64 // in bytes; 0 if unknown
}

// Folder returns the batches and the class names in a folder that was unpacked from an
// archive, or the files of MNIST. A folder without training batches is an error.
func Folder(folder fs.FS) ([]Source, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	var sources []Source
	batches, tests := 0, 0
	for _, entry := range entries {
		name := entry.Name()
		plain, zipped := strings.CutSuffix(name, ".gz")
		mnist := isIDX(name)
		switch {
		case mnist && zipped && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == plain }):
			continue // torchvision keeps both
		case mnist && strings.Contains(name, "labels"):
		case (name == "train" || name == "test") && entry.IsDir():
			continue // a folder of pictures
		case isBatch(name), mnist:
			batches++
			if isTest(name) {
				tests++
			}
		case !isMeta(name):
			continue
		}
		stat, err := fs.Stat(folder, name)
		if err != nil {
			return nil, err
		}
		if !stat.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: want a regular file", name)
		}
		sources = append(sources, Source{
			Name: name,
			Open: func() (io.ReadCloser, error) { return folder.Open(name) },
			Size: stat.Size(),
		})
	}
	switch {
	case batches == 0:
		return nil, ErrNoBatches
	case batches == tests:
		return nil, errors.New("only a test batch in the folder: want data_batch_1 to data_batch_5 too")
	}
	return sources, nil
}

// ErrNoBatches reports a folder that has no data set.
var ErrNoBatches = errors.New("no batches in the folder: want data_batch_1.bin and so on, or data_batch_1")

// ImportOptions choose the images of a data set.
type ImportOptions struct {
	Train      int      // training images; 0 for all
	Validation int      // validation images; 0 for all
	AtMost     bool     // accept fewer images than requested
	Classes    []string // names or numbers of classes; nil for all
	Seed       uint64   // for choosing images
	Coarse     bool     // take CIFAR-100's 20 coarse classes, not its 100 fine ones
	From       string   // names the sources in the provenance; "" for their own names

	// Record, if set, is called with each record of CIFAR as it is read the first time, and
	// with its batch, "data_batch_1" in any version. It must not keep planar.
	Record func(batch string, label byte, planar []byte)

	// Progress, if set, is called with the number of bytes read so far and the
	// total over all passes, 0 if unknown.
	Progress func(done, total int64)
}

// Import reads a data set from CIFAR-10 or CIFAR-100, as an archive or batches, from the files
// of MNIST or another data set in its format, or from a single compact file, and reduces it
// according to the options. It knows a file by its content; the name says only whether its
// images are for validation. Without such, a tenth of the images are held out. An error
// reports a source that cannot be opened, is damaged or is something else, a duplicate batch,
// an unknown class, or too few images.
func Import(sources []Source, options ImportOptions) (*Dataset, error) {
	i := &importer{sources: sources, options: options}
	for _, source := range sources {
		i.total += 2 * source.Size
		if source.Size == 0 {
			i.total = math.MinInt64 // unknown, even after adding other sizes
		}
	}
	if i.total < 0 {
		i.total = 0
	}
	dataset, err := i.run()
	if err != nil {
		return nil, err
	}
	if err := dataset.Validate(); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return dataset, nil
}

type importer struct {
	sources     []Source
	options     ImportOptions
	total, done int64
}

// record is what the first pass keeps about an image.
type record struct {
	hash  uint64 // of seed and content; records are chosen in this order
	index int    // in the order of reading
	label byte
	part  part
}

// recordHash hashes the seed and a record with FNV-1a, eight bytes at a time, and
// the finalizer of MurmurHash3. The chosen subsets must not change between versions,
// so it uses no library's hash.
func recordHash(seed uint64, label byte, planar []byte) uint64 {
	const prime = 0x100000001b3
	h := (seed ^ 0xcbf29ce484222325) * prime
	h = (h ^ uint64(label)) * prime
	for ; len(planar) >= 8; planar = planar[8:] {
		h = (h ^ binary.LittleEndian.Uint64(planar)) * prime
		h ^= h >> 32
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (i *importer) run() (*Dataset, error) {
	var records []record
	s := &scanner{coarse: i.options.Coarse}
	s.each = func(p part, label byte, planar []byte) error {
		if len(records) == 2*maxImages {
			return fmt.Errorf("too many images: want at most %d", 2*maxImages)
		}
		hash := recordHash(i.options.Seed, label, planar)
		records = append(records, record{hash, len(records), label, p})
		b := s.current()
		b.records++
		b.content += hash
		if i.options.Record != nil {
			i.options.Record(b.stem, label, planar)
		}
		return nil
	}
	err := i.pass(s)
	if err == nil && s.idx.found() {
		s.idx.complete = true // all labels are known now
		i.done, records = 0, nil
		err = i.pass(s)
	}
	if errors.Is(err, errCompact) {
		return i.compact()
	}
	if err != nil {
		return nil, err
	}
	if err := s.twice(); err != nil {
		return nil, err
	}
	chosen, err := i.choose(records, s.set, s.classes())
	if err != nil {
		return nil, err
	}
	next := 0
	s.each = func(_ part, _ byte, planar []byte) error {
		if place, ok := chosen.places[next]; ok {
			interleave(place, planar)
		}
		next++
		return nil
	}
	if err := i.pass(s); err != nil {
		return nil, err
	}
	if next != len(records) {
		return nil, fmt.Errorf("data: %d images on second reading, %d on first: the file changed", next, len(records))
	}
	return chosen.dataset, nil
}

// pass reads all records of all sources.
func (i *importer) pass(s *scanner) error {
	s.batches, s.set = nil, ""
	for _, source := range i.sources {
		file, err := source.Open()
		if err != nil {
			return err
		}
		err = s.scan(source.Name, &counter{file, i})
		file.Close()
		if errors.Is(err, errCompact) && len(i.sources) > 1 {
			return fmt.Errorf("%s: a compact data set among %d files: want it alone", source.Name, len(i.sources))
		}
		if err != nil {
			return err
		}
	}
	if len(s.batches) == 0 && (s.idx.complete || !s.idx.found()) {
		return fmt.Errorf("no images: %s", wanted)
	}
	return nil
}

// counter reports progress.
type counter struct {
	io.Reader
	importer *importer
}

func (c *counter) Read(buffer []byte) (int, error) {
	n, err := c.Reader.Read(buffer)
	c.importer.done += int64(n)
	if c.importer.options.Progress != nil {
		c.importer.options.Progress(c.importer.done, c.importer.total)
	}
	return n, err
}

// compact reads a compact file and reduces it according to the options.
func (i *importer) compact() (*Dataset, error) {
	source := i.sources[0]
	file, err := source.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	i.total /= 2 // it is read once
	i.done = 0
	dataset, err := read(&counter{file, i})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.Name, err)
	}
	if i.options.AtMost && i.options.Classes == nil {
		return dataset, nil // the images are already chosen
	}
	return i.reduce(dataset)
}

// Subset reduces the data set according to the options, as Import does: without validation
// images, a tenth are held out.
func (d *Dataset) Subset(options ImportOptions) (*Dataset, error) {
	subset, err := (&importer{options: options, sources: []Source{{Name: d.Name}}}).reduce(d)
	if err != nil {
		return nil, err
	}
	return subset, subset.Validate()
}

// reduce chooses images of a data set in memory.
func (i *importer) reduce(dataset *Dataset) (*Dataset, error) {
	var records []record
	var planar [ImageSize]byte // the hash is that of CIFAR's own, planar order
	for p, split := range []Split{dataset.Train, dataset.Validation} {
		for k, label := range split.Labels {
			deinterleave(planar[:], split.Image(k))
			records = append(records, record{recordHash(i.options.Seed, label, planar[:]), len(records), label, part(p)})
		}
	}
	chosen, err := i.choose(records, dataset.Name, dataset.Classes)
	if err != nil {
		return nil, err
	}
	for index, place := range chosen.places {
		if index < dataset.Train.Len() {
			copy(place, dataset.Train.Image(index))
		} else {
			copy(place, dataset.Validation.Image(index-dataset.Train.Len()))
		}
	}
	if dataset.Provenance != "" {
		chosen.dataset.Provenance = dataset.Provenance + "; of these, " + chosen.dataset.Provenance
	}
	return chosen.dataset, nil
}

// choice is a data set whose images are still to be read.
type choice struct {
	dataset *Dataset
	places  map[int][]byte // destination of each chosen image, by its index
}

func (i *importer) choose(records []record, name string, classes []string) (*choice, error) {
	wantedClasses, err := findClasses(i.options.Classes, classes)
	if err != nil {
		return nil, err
	}
	newLabel := map[byte]byte{}
	names := make([]string, len(wantedClasses))
	for k, class := range wantedClasses {
		newLabel[byte(class)] = byte(k)
		names[k] = classes[class]
	}
	var train, validation []record
	for _, r := range records {
		label, ok := newLabel[r.label]
		if !ok {
			continue
		}
		r.label = label
		if r.part == test {
			validation = append(validation, r)
		} else {
			train = append(train, r)
		}
	}
	note := ""
	switch {
	case len(validation) == 0 && len(train) > 1:
		validation, train = holdOut(train)
		note = ", validation held out of the training batches"
	case len(train) == 0 && len(validation) > 1:
		validation, train = holdOut(validation)
		note = ", both from the test batch"
	}
	if train, err = i.pick(train, i.options.Train, "training"); err != nil {
		return nil, err
	}
	if validation, err = i.pick(validation, i.options.Validation, "validation"); err != nil {
		return nil, err
	}
	c := &choice{places: map[int][]byte{}, dataset: &Dataset{
		Name:    name,
		Classes: names,
		Provenance: fmt.Sprintf("%s: %d training and %d validation images, stratified, seed %d%s",
			cmp.Or(i.options.From, sourceNames(i.sources)), len(train), len(validation), i.options.Seed, note),
	}}
	c.dataset.Train = c.place(train)
	c.dataset.Validation = c.place(validation)
	return c, nil
}

// sourceNames names the sources in a provenance, briefly.
func sourceNames(sources []Source) string {
	if len(sources) == 1 {
		name := sources[0].Name
		return name[max(0, len(name)-200):]
	}
	return fmt.Sprintf("%d files", len(sources))
}

func (c *choice) place(records []record) Split {
	split := Split{Images: make([]byte, len(records)*ImageSize), Labels: make([]byte, len(records))}
	for k, r := range records {
		split.Labels[k] = r.label
		c.places[r.index] = split.Image(k)
	}
	return split
}

// findClasses returns the indexes of the classes with the given names or numbers,
// or all if none are given.
func findClasses(given, classes []string) ([]int, error) {
	var found []int
	for _, text := range given {
		text = strings.TrimSpace(text)
		k := slices.Index(classes, text)
		if number, err := strconv.Atoi(text); err == nil && number >= 0 && number < len(classes) {
			k = number
		}
		if k < 0 {
			return nil, fmt.Errorf("class %q: want some of %s or their numbers", text, strings.Join(classes, ", "))
		}
		if slices.Contains(found, k) {
			return nil, fmt.Errorf("class %q is given twice: want it once", text)
		}
		found = append(found, k)
	}
	if found == nil {
		for k := range classes {
			found = append(found, k)
		}
	}
	return found, nil
}

// holdOut separates a tenth of the records for validation. It drops copies of those, so
// that no validation image is trained on.
func holdOut(records []record) (held, rest []record) {
	held = stratified(records, max(1, len(records)/10))
	isHeld := map[uint64]bool{}
	for _, r := range held {
		isHeld[r.hash] = true
	}
	rest = slices.DeleteFunc(slices.Clone(records), func(r record) bool { return isHeld[r.hash] })
	return held, rest
}

// pick returns n of the records, or all if n is 0.
func (i *importer) pick(records []record, n int, name string) ([]record, error) {
	if n < 0 {
		return nil, fmt.Errorf("%d %s images: want at least 1, or 0 for all", n, name)
	}
	if n > len(records) && !i.options.AtMost {
		return nil, fmt.Errorf("%d %s images: want at most the %d available", n, name, len(records))
	}
	if n == 0 {
		n = len(records)
	}
	return stratified(records, min(n, len(records))), nil
}

// stratified returns n of the records, ordered by hash. Each class keeps its share, by
// the largest remainder method.
func stratified(records []record, n int) []record {
	byClass := map[byte][]record{}
	for _, r := range records {
		byClass[r.label] = append(byClass[r.label], r)
	}
	share := func(label int) int { return n * len(byClass[byte(label)]) }
	left := n
	var labels []int
	for label := range MaxClasses {
		if share(label) > 0 {
			labels = append(labels, label)
			left -= share(label) / len(records)
		}
	}
	slices.SortStableFunc(labels, func(a, b int) int {
		return cmp.Compare(share(b)%len(records), share(a)%len(records))
	})
	var chosen []record
	for k, label := range labels {
		count := share(label) / len(records)
		if k < left {
			count++
		}
		members := byClass[byte(label)]
		slices.SortFunc(members, byHash)
		chosen = append(chosen, members[:count]...)
	}
	slices.SortFunc(chosen, byHash)
	return chosen
}

// byHash orders records by content, so that the container does not matter. Equal hashes
// mean equal images, whose order makes no difference.
func byHash(a, b record) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index))
}
