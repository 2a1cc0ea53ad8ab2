// Package pictures makes a data set of people's own pictures. The pictures are files in
// folders or in a zip archive; the browser decodes them, and this package does the rest. It
// holds one picture at a time.
package pictures

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"sae/data"
)

// Limits.
const (
	MaxFiles    = 100_000  // in a folder or an archive
	MaxPictures = 12_000   // in a data set, before Add; of more, a hash of their names chooses
	MinPictures = 20       // in a data set
	MaxPixels   = 64 << 20 // of a picture: 256 MiB while it is decoded
	MaxBytes    = 64 << 20 // of a picture's file

	maxName    = 100 // characters of the name of a class or a data set
	maxSkipped = 200 // files that are listed
)

// File is a file that may be a picture.
type File struct {
	Path string // with slashes
	// Open opens its content, for the header.
	Open func() (io.ReadCloser, error)
	// Decode decodes it. The format is that of its header: "JPEG".
	Decode func(format string) (Bitmap, error)
}

// Bitmap is a decoded picture.
type Bitmap struct {
	Width, Height int
	// Read stores the pixels of a rectangle: rows of red, green, blue and 255, on white
	// where the picture is transparent.
	Read  func(x, y, width, height int, rgba []byte) error
	Close func()
}

// Skipped is a file that is not in the data set.
type Skipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// List lists skipped files: all are counted, and the first are named.
type List struct {
	Files []Skipped `json:"files"`
	Count int       `json:"count"`
}

func (l *List) add(path, why string) {
	l.Count++
	if len(l.Files) < maxSkipped {
		l.Files = append(l.Files, Skipped{path, why})
	}
}

// Choose returns the indexes of the files that are pictures by their names, at most
// MaxPictures, and lists the others. Hidden files, which systems and archivers add, are
// passed over.
func Choose(paths []string) (chosen []int, skipped List) {
	for i, name := range paths {
		switch {
		case data.IsHidden(name):
		case !data.IsPicture(name) && path.Ext(name) != "":
			skipped.add(name, "not a picture by its name")
		default:
			chosen = append(chosen, i)
		}
	}
	if len(chosen) > MaxPictures {
		hashes := make([]uint64, len(paths))
		for _, i := range chosen {
			hashes[i] = hash(paths[i])
		}
		slices.SortStableFunc(chosen, func(a, b int) int { return cmp.Compare(hashes[a], hashes[b]) })
		skipped.Count += len(chosen) - MaxPictures
		chosen = chosen[:MaxPictures]
	}
	return chosen, skipped
}

// ErrTooMany reports too large a folder or archive.
var ErrTooMany = fmt.Errorf("more than %d files: want at most that many; choose a part of them", MaxFiles)

// hash is FNV-1a and the finalizer of MurmurHash3, of text or pixels. It decides which
// pictures are chosen and validated on, so it must not change.
func hash(content string) uint64 {
	const prime = 0x100000001b3
	h := uint64(0xcbf29ce484222325)
	for i := range len(content) {
		h = (h ^ uint64(content[i])) * prime
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// picture is a converted picture.
type picture struct {
	class  string
	hash   uint64
	pixels []byte // [data.ImageSize]
}

// Convert makes a data set of those of the files that are pictures, and lists the others.
// progress is called before each picture, and ends the conversion by an error. name is that
// of the data set; if it is "", the folder that contains all pictures has it.
func Convert(name string, files []File, progress func(done, total int) error) (*data.Dataset, List, error) {
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = file.Path
	}
	chosen, skipped := Choose(paths)
	some, someFiles := make([]string, len(chosen)), make([]File, len(chosen))
	for i, index := range chosen {
		some[i], someFiles[i] = paths[index], files[index]
	}
	root, classes := classesOf(some)
	if name = clean(cmp.Or(name, root)); name == "" {
		name = "My pictures"
	}
	for i := range classes {
		classes[i] = cmp.Or(classes[i], name)
	}
	return convertAll(&data.Dataset{Name: name}, len(files), someFiles, classes, skipped, progress)
}

// Add adds pictures to a data set, which stays as it is; one without images may have none but
// a name. The first folder of each picture is its class. Otherwise Add is like Convert.
func Add(base *data.Dataset, files []File, progress func(done, total int) error) (*data.Dataset, List, error) {
	classes := make([]string, len(files))
	for i, file := range files {
		class, _, _ := strings.Cut(file.Path, "/")
		classes[i] = cmp.Or(clean(class), base.Name)
	}
	return convertAll(base, len(files), files, classes, List{}, progress)
}

// convertAll converts pictures of classes and adds them to a data set. total is the number of
// files that they were chosen from.
func convertAll(base *data.Dataset, total int, files []File, classes []string, skipped List, progress func(done, total int) error) (*data.Dataset, List, error) {
	var pictures []picture
	type key struct {
		class string
		hash  uint64
	}
	type first struct {
		path   string
		pixels []byte
	}
	found := map[key]first{}
	for _, split := range []data.Split{base.Train, base.Validation} {
		for i, label := range split.Labels {
			pixels := split.Image(i)
			found[key{base.Classes[label], hash(string(pixels))}] = first{"one in the data set", pixels}
		}
	}
	for i, file := range files {
		if err := progress(i, len(files)); err != nil {
			return nil, skipped, err
		}
		pixels, err := convert(file)
		if errors.Is(err, errBomb) {
			return nil, skipped, fmt.Errorf("%s: %w", base.Name, err)
		}
		if err != nil {
			skipped.add(file.Path, err.Error())
			continue
		}
		p := picture{classes[i], hash(string(pixels)), pixels}
		if first := found[key{p.class, p.hash}]; bytes.Equal(first.pixels, pixels) {
			skipped.add(file.Path, "the same picture as "+first.path)
			continue
		}
		found[key{p.class, p.hash}] = first{file.Path, pixels}
		pictures = append(pictures, p)
	}
	if n := base.Train.Len() + base.Validation.Len() + len(pictures); n < MinPictures {
		example := ""
		if len(skipped.Files) > 0 {
			last := skipped.Files[len(skipped.Files)-1]
			example = fmt.Sprintf(". Skipped, for example: %s (%s)", clean(last.Path), last.Why)
		}
		return nil, skipped, fmt.Errorf("%s: %s, %s that can be used: want at least %d%s", base.Name, plural(total, "file"), plural(n, "picture"), MinPictures, example)
	}
	dataset, err := assemble(base, pictures)
	return dataset, skipped, err
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// assemble adds pictures to a data set, 5 to 1 to training and validation, each class alike,
// and orders them by a hash of the pixels. So the same pictures give the same data set,
// whatever their names. New classes come after those that were there.
func assemble(base *data.Dataset, pictures []picture) (*data.Dataset, error) {
	before := base.Train.Len() + base.Validation.Len()
	dataset := &data.Dataset{Name: base.Name, Train: base.Train, Validation: base.Validation}
	labels := map[string]int{}
	order := make([]int, len(pictures))
	for i, p := range pictures {
		order[i], labels[p.class] = i, 0
	}
	for _, class := range base.Classes {
		delete(labels, class)
	}
	dataset.Classes = slices.Concat(base.Classes, slices.Sorted(maps.Keys(labels)))
	for label, class := range dataset.Classes {
		labels[class] = label
	}
	if n := len(dataset.Classes); n > data.MaxClasses {
		return nil, fmt.Errorf("%s: %d classes of pictures: want at most %d", base.Name, n, data.MaxClasses)
	}
	byHash := func(i, j int) int { return cmp.Compare(pictures[i].hash, pictures[j].hash) }
	byClass := func(i, j int) int {
		return cmp.Or(cmp.Compare(labels[pictures[i].class], labels[pictures[j].class]), byHash(i, j))
	}
	slices.SortStableFunc(order, byClass)
	var parts [2][]int
	for rank, i := range order {
		part := (before + rank) % 6 / 5 // the sixth of six is for validation
		parts[part] = append(parts[part], i)
	}
	for part, split := range []*data.Split{&dataset.Train, &dataset.Validation} {
		slices.SortStableFunc(parts[part], func(i, j int) int { return cmp.Or(byHash(i, j), byClass(i, j)) })
		added := data.Split{Labels: slices.Clone(split.Labels), Images: slices.Clone(split.Images)} // base stays
		for _, i := range parts[part] {
			added.Labels = append(added.Labels, byte(labels[pictures[i].class]))
			added.Images = append(added.Images, pictures[i].pixels...)
		}
		*split = added
	}
	dataset.Provenance = provenance(base, dataset)
	return dataset, dataset.Validate()
}

// provenance says where the pictures of a data set come from that were added to base.
func provenance(base, dataset *data.Dataset) string {
	const own, added = "The square in the middle of each, at 32×32 pixels.", " With the pictures that were added: "
	classes := "1 class"
	if n := len(dataset.Classes); n > 1 {
		classes = fmt.Sprintf("%d classes", n)
	}
	train, validation := dataset.Train.Len(), dataset.Validation.Len()
	counts := fmt.Sprintf("%d pictures, %s: %d training, %d validation.", train+validation, classes, train, validation)
	if base.Provenance == "" || strings.HasSuffix(base.Provenance, own) {
		return counts + " " + own
	}
	origin, _, _ := strings.Cut(base.Provenance, added)
	return origin + added + counts
}

// splits are names of folders that divide a data set, not classes. The page divides it anew,
// by pixels; tools/convert keeps the division.
var splits = slices.Concat(data.TrainFolders, data.ValidationFolders, data.TestFolders)

// classesOf returns the class of each file: the first folder that not all of them are in, ""
// for none. root is the innermost folder that they all are in.
func classesOf(paths []string) (root string, classes []string) {
	folders := make([][]string, len(paths))
	for i, name := range paths {
		folders[i] = strings.Split(name, "/")
		folders[i] = slices.DeleteFunc(folders[i][:len(folders[i])-1], func(s string) bool { return clean(s) == "" })
	}
	common := func() bool { // whether all are in the same folder
		for _, f := range folders {
			if len(f) == 0 || f[0] != folders[0][0] {
				return false
			}
		}
		return len(folders) > 0
	}
	strip := func() {
		for common() {
			root = folders[0][0]
			for i := range folders {
				folders[i] = folders[i][1:]
			}
		}
	}
	strip()
	divided := len(folders) > 0
	for _, f := range folders {
		divided = divided && len(f) > 1 && slices.Contains(splits, strings.ToLower(f[0]))
	}
	if divided {
		for i := range folders {
			folders[i] = folders[i][1:]
		}
	}
	classes = make([]string, len(paths))
	for i, f := range folders {
		if len(f) > 0 {
			classes[i] = clean(f[0])
		}
	}
	return root, classes
}

// clean returns a name without characters that are not shown, such as those that change the
// direction of text, and of bounded length.
func clean(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	runes := []rune(name)
	return string(runes[:min(len(runes), maxName)])
}

// convert returns the square in the middle of a picture, reduced to 32×32 pixels.
func convert(file File) ([]byte, error) {
	content, err := file.Open()
	if err != nil {
		return nil, err
	}
	format, width, height, err := header(content)
	content.Close()
	if err != nil {
		return nil, err
	}
	if err := checkPixels(width, height); err != nil {
		return nil, err
	}
	bitmap, err := file.Decode(format)
	if err != nil {
		if errors.Is(err, errTooLarge) || errors.Is(err, errBomb) {
			return nil, err
		}
		return nil, errors.New(unreadable(format))
	}
	defer bitmap.Close()
	return Reduce(bitmap)
}

// checkPixels returns an error if a picture of a size has too many pixels.
func checkPixels(width, height int) error {
	if float64(width)*float64(height) > MaxPixels { // the product of two ints may overflow
		return fmt.Errorf("%d×%d pixels: want at most %d million", width, height, MaxPixels/1_000_000)
	}
	return nil
}

// errTooLarge reports a file of more than MaxBytes bytes.
var errTooLarge = fmt.Errorf("more than %d MB: want a smaller file", MaxBytes>>20)

// unreadable says why the browser cannot decode a picture of a format.
func unreadable(format string) string {
	switch format {
	case "AVIF", "HEIC":
		return "this browser can't open " + format + "; convert it to JPEG or PNG"
	}
	return "a damaged " + format + " file, or one that ends early"
}

// bandPixels is how many pixels are read from a bitmap at a time.
const bandPixels = 1 << 18

// Reduce returns the square in the middle of a bitmap, reduced to 32×32 pixels: each is the
// mean over its area.
func Reduce(bitmap Bitmap) ([]byte, error) {
	side := min(bitmap.Width, bitmap.Height)
	if side < 1 {
		return nil, errors.New("a picture without pixels")
	}
	left, top := (bitmap.Width-side)/2, (bitmap.Height-side)/2
	rows := min(side, max(1, bandPixels/side))
	rgba := make([]byte, 4*side*rows)
	reduction := data.NewReduction(side)
	for y := 0; y < side; y += rows {
		rows := min(rows, side-y)
		band := rgba[:4*side*rows]
		if err := bitmap.Read(left, top+y, side, rows, band); err != nil {
			return nil, err
		}
		for row := range rows {
			reduction.Add(band[4*side*row:][:4*side])
		}
	}
	return reduction.Image(), nil
}

// How much of a file is read for its header. Previews and color profiles come first in some
// JPEG files.
const (
	startHeader = 1 << 14
	maxHeader   = 4 << 20
)

var (
	errNoPicture = errors.New("not a picture: want JPEG, PNG, GIF, WebP, BMP, AVIF or HEIC")
	errEmpty     = errors.New("an empty file")
	errEarly     = errors.New("ends early, or is damaged")
)

// header returns the format of a picture and its size in pixels.
func header(r io.Reader) (format string, width, height int, err error) {
	head, err := io.ReadAll(io.LimitReader(r, startHeader))
	if err != nil {
		return "", 0, 0, err
	}
	if format, width, height = size(head); format == "JPEG" && width == 0 {
		more, err := io.ReadAll(io.LimitReader(r, maxHeader))
		if err != nil {
			return "", 0, 0, err
		}
		format, width, height = size(append(head, more...))
	}
	switch {
	case len(head) == 0:
		err = errEmpty
	case format == "":
		err = errNoPicture
	case width < 1 || height < 1:
		err = errEarly
	}
	return format, width, height, err
}

// size returns the format of a picture and its size in pixels, from the start of its file.
// The format is "" if it is no picture; the size is 0 if it is not in the start.
func size(head []byte) (format string, width, height int) {
	text := string(head)
	little := func(at, bytes int) int { return number(text, at, bytes, false) }
	big := func(at, bytes int) int { return number(text, at, bytes, true) }
	is := func(at int, magic string) bool { return len(text) > at && strings.HasPrefix(text[at:], magic) }
	switch {
	case is(0, "\x89PNG\r\n\x1a\n"):
		return "PNG", big(16, 4), big(20, 4)
	case is(0, "GIF8"):
		return "GIF", little(6, 2), little(8, 2)
	case is(0, "BM") && little(14, 4) == 12: // of OS/2
		return "BMP", little(18, 2), little(20, 2)
	case is(0, "BM"):
		height = int(int32(little(22, 4)))
		return "BMP", little(18, 4), max(height, -height) // negative if the first row is at the top
	case is(8, "WEBPVP8 "):
		return "WebP", little(26, 2) & 0x3fff, little(28, 2) & 0x3fff
	case is(8, "WEBPVP8L"):
		bits := little(21, 4)
		return "WebP", 1 + bits&0x3fff, 1 + bits>>14&0x3fff
	case is(8, "WEBPVP8X"):
		return "WebP", 1 + little(24, 3), 1 + little(27, 3)
	case is(4, "ftyp"): // the largest of the sizes in the boxes ispe: a picture may consist of tiles
		for at := range max(0, len(text)-16) {
			if is(at, "ispe") && big(at+8, 4) > width {
				width, height = big(at+8, 4), big(at+12, 4)
			}
		}
		if is(8, "avi") {
			return "AVIF", width, height
		}
		return "HEIC", width, height
	case is(0, "\xff\xd8\xff"): // the size is in the frame header, one of the segments
		for at := 2; is(at, "\xff"); {
			switch marker := big(at+1, 1); {
			case marker == 0xff || marker >= 0xd0 && marker <= 0xd8: // without a length
				at++
				if marker != 0xff {
					at++
				}
			case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
				return "JPEG", big(at+7, 2), big(at+5, 2)
			case marker == 0xd9 || marker == 0xda:
				return "JPEG", 0, 0
			default:
				at += 2 + big(at+2, 2)
			}
		}
		return "JPEG", 0, 0
	}
	return "", 0, 0
}

// number returns an unsigned number of a few bytes, 0 if the text ends before it.
func number(text string, at, bytes int, big bool) int {
	if len(text) < at+bytes {
		return 0
	}
	n := uint64(0)
	for i := range bytes {
		place := bytes - 1 - i
		if big {
			place = i
		}
		n = n<<8 | uint64(text[at+place])
	}
	return int(n)
}
