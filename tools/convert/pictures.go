package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sae/data"
)

// Limits of folders and archives of pictures. A large picture takes up to 16 bytes of memory
// a pixel while it is decoded, 1 GiB; each converted picture takes 10 KB.
const (
	maxFiles       = 500_000
	maxPictures    = 200_000
	maxPixels      = 64 << 20
	maxPictureFile = 64 << 20
	maxLabelFile   = 64 << 20
)

// openZip returns an archive as a folder.
func openZip(r io.ReaderAt, size int64) (fs.FS, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: the file is truncated or damaged", err)
	}
	return archive, nil
}

// inner returns the folder that holds the files: a folder alone in another is entered.
func inner(folder fs.FS) (fs.FS, error) {
	for range 10 {
		entries, err := fs.ReadDir(folder, ".")
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return data.IsHidden(e.Name()) })
		if len(entries) != 1 || !entries[0].IsDir() {
			return folder, nil
		}
		if folder, err = fs.Sub(folder, entries[0].Name()); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("folders in folders: want the one with the pictures")
}

// album is a data set of pictures in a folder.
type album struct {
	folder   fs.FS
	pictures []picture
	notes    []string // what was left out
}

// picture is a file that may be a picture.
type picture struct {
	path  string
	class string
	test  bool
}

// readAlbum converts the pictures in a folder. Their classes come from a table in CSV, as
// Kaggle's trainLabels.csv, or else from the folders that they lie in.
func readAlbum(folder fs.FS, progress func(done, total int64)) (*data.Dataset, []string, error) {
	a := &album{folder: folder}
	tables, err := a.list()
	if err != nil {
		return nil, nil, err
	}
	if len(a.pictures) == 0 {
		return nil, nil, errors.New("no pictures and no batches: want PNG, JPEG or GIF files, or the files of CIFAR-10, CIFAR-100 or MNIST")
	}
	if len(tables) > 0 {
		err = a.classifyByTables(tables)
	} else {
		a.classifyByFolders()
	}
	if err != nil {
		return nil, nil, err
	}
	if n := len(a.pictures); n > maxPictures {
		return nil, nil, fmt.Errorf("%d pictures: want at most %d", n, maxPictures)
	}
	set, err := a.convert(progress)
	return set, a.notes, err
}

// list finds the files that may be pictures, and the tables of labels.
func (a *album) list() (tables []*table, err error) {
	files := 0
	return tables, fs.WalkDir(a.folder, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && data.IsHidden(entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case data.IsHidden(entry.Name()) || !entry.Type().IsRegular():
			return nil
		}
		if files++; files > maxFiles {
			return fmt.Errorf("more than %d files: want at most that many", maxFiles)
		}
		if strings.EqualFold(path.Ext(name), ".csv") {
			t, err := a.readTable(name)
			if t != nil {
				tables = append(tables, t)
			}
			return err
		}
		a.pictures = append(a.pictures, picture{path: name})
		return nil
	})
}

// table has the labels of pictures by their names.
type table struct {
	name   string
	scope  string // folder that its pictures are in, with a slash, or ""
	test   bool
	labels map[string]string
}

// Names of the columns of tables.
var (
	idColumns    = []string{"id", "image", "image_id", "filename", "file", "file_name", "name", "path"}
	labelColumns = []string{"label", "class", "category", "breed", "species"}
)

// readTable reads a table of labels, or returns nil for another table, such as Kaggle's
// sample of a submission, whose labels are made up.
func (a *album) readTable(name string) (*table, error) {
	base := strings.ToLower(path.Base(name))
	if strings.Contains(base, "submission") {
		return nil, nil
	}
	file, err := a.folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content := &io.LimitedReader{R: file, N: maxLabelFile + 1}
	rows := csv.NewReader(content)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, nil // no table
	}
	column := func(names []string) int {
		return slices.IndexFunc(header, func(title string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))))
		})
	}
	id, label := column(idColumns), column(labelColumns)
	if id < 0 || label < 0 {
		return nil, nil
	}
	t := &table{name: name, labels: map[string]string{}}
	for {
		row, err := rows.Read()
		if content.N == 0 {
			return nil, fmt.Errorf("%s: more than %d bytes: want a smaller file", name, maxLabelFile)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(t.labels) == maxFiles {
			return nil, fmt.Errorf("%s: more than %d rows: want at most that many", name, maxFiles)
		}
		t.labels[strings.Clone(row[id])] = strings.Clone(row[label])
	}
	dir := path.Dir(name)
	for _, folders := range [][]string{data.TrainFolders, data.ValidationFolders, data.TestFolders} {
		for _, folder := range folders {
			if !strings.HasPrefix(base, folder) {
				continue
			}
			t.test = folder[0] != 't' || folder[1] == 'e'
			if stat, err := fs.Stat(a.folder, path.Join(dir, folder)); err == nil && stat.IsDir() {
				t.scope = path.Join(dir, folder) + "/"
			}
		}
	}
	if t.scope == "" && dir != "." {
		t.scope = dir + "/"
	}
	return t, nil
}

// label returns the label of a picture, and whether it has one.
func (t *table) label(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, t.scope)
	if !ok {
		return "", false
	}
	base := path.Base(name)
	for _, key := range []string{rest, base, strings.TrimSuffix(base, path.Ext(base))} {
		if label, ok := t.labels[key]; ok {
			return label, true
		}
	}
	return "", false
}

func (a *album) classifyByTables(tables []*table) error {
	var found []picture
	for _, p := range a.pictures {
		for _, t := range tables {
			label, ok := t.label(p.path)
			if !ok {
				continue
			}
			if p.class != "" && (p.class != label || p.test != t.test) {
				return fmt.Errorf("%s: class %q and class %q: want one", p.path, p.class, label)
			}
			p.class, p.test = label, t.test
		}
		if p.class != "" {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("%s: names none of %d files: want the names of pictures, with or without their ending", tables[0].name, len(a.pictures))
	}
	a.leftOut(len(a.pictures)-len(found), "without a label")
	a.pictures = found
	return nil
}

// leftOut notes that some files are not in the data set.
func (a *album) leftOut(n int, why string) {
	if n > 0 {
		a.notes = append(a.notes, fmt.Sprintf("%d files %s left out", n, why))
	}
}

// keep drops the pictures for which keep is false, and notes why.
func (a *album) keep(keep func(p picture) bool, why string) {
	before := len(a.pictures)
	a.pictures = slices.DeleteFunc(a.pictures, func(p picture) bool { return !keep(p) })
	a.leftOut(before-len(a.pictures), why)
}

// classifyByFolders takes the folders of the pictures as their classes, below folders of the
// splits, if there are any.
func (a *album) classifyByFolders() {
	first := func(p picture) string {
		folder, _, _ := strings.Cut(p.path, "/")
		return strings.ToLower(folder)
	}
	has := func(folders []string) bool {
		return slices.ContainsFunc(a.pictures, func(p picture) bool {
			return strings.Contains(p.path, "/") && slices.Contains(folders, first(p))
		})
	}
	divided, validated := has(data.TrainFolders), has(data.ValidationFolders)
	if divided {
		a.keep(func(p picture) bool {
			return slices.Contains(data.TrainFolders, first(p)) || slices.Contains(data.ValidationFolders, first(p)) ||
				!validated && slices.Contains(data.TestFolders, first(p))
		}, "outside the folders for training and validation")
	}
	known := map[string]bool{}
	for i := range a.pictures {
		p := &a.pictures[i]
		name := p.path
		if divided {
			p.test = !slices.Contains(data.TrainFolders, first(*p))
			_, name, _ = strings.Cut(name, "/")
		}
		if class, _, ok := strings.Cut(name, "/"); ok {
			p.class = class
		}
		known[p.class] = known[p.class] || !p.test
	}
	if divided {
		a.keep(func(p picture) bool { return known[p.class] }, "whose class has no training pictures")
	}
}

// convert decodes the pictures.
func (a *album) convert(progress func(done, total int64)) (*data.Dataset, error) {
	named := map[string]bool{} // classes, by the names of their pictures
	for _, p := range a.pictures {
		if data.IsPicture(p.path) {
			named[p.class] = true
		}
	}
	if n := len(named); n > data.MaxClasses {
		return nil, fmt.Errorf("%d classes: want at most %d", n, data.MaxClasses)
	}
	set := &data.Dataset{Name: "Pictures"}
	var classified []picture
	others := 0
	var file bytes.Buffer
	for i, p := range a.pictures {
		if progress != nil {
			progress(int64(i), int64(len(a.pictures)))
		}
		split := &set.Train
		if p.test {
			split = &set.Validation
		}
		start := len(split.Images)
		split.Images = slices.Grow(split.Images, data.ImageSize)[:start+data.ImageSize]
		err := decode(a.folder, p.path, &file, split.Images[start:])
		if errors.Is(err, image.ErrFormat) && !data.IsPicture(p.path) {
			others++
			split.Images = split.Images[:start]
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, err)
		}
		split.Labels = append(split.Labels, 0)
		classified = append(classified, p)
	}
	if err := label(set, classified); err != nil {
		return nil, err
	}
	a.leftOut(others, "that are no pictures")
	if set.Train.Len()+set.Validation.Len() == 0 {
		return nil, errors.New("no pictures: want PNG, JPEG or GIF files")
	}
	return set, nil
}

// label sets the classes and labels of a data set of pictures, in their order.
func label(set *data.Dataset, pictures []picture) error {
	for _, p := range pictures {
		set.Classes = append(set.Classes, p.class)
	}
	slices.Sort(set.Classes)
	set.Classes = slices.Compact(set.Classes)
	if n := len(set.Classes); n > data.MaxClasses {
		return fmt.Errorf("%d classes: want at most %d", n, data.MaxClasses)
	}
	train, validation := set.Train.Labels, set.Validation.Labels
	for _, p := range pictures {
		labels := &train
		if p.test {
			labels = &validation
		}
		number, _ := slices.BinarySearch(set.Classes, p.class)
		(*labels)[0] = byte(number)
		*labels = (*labels)[1:]
	}
	for i, class := range set.Classes {
		set.Classes[i] = cmp.Or(class, "picture")
	}
	return nil
}

// decode stores a picture as 32×32 pixels in dst.
func decode(folder fs.FS, name string, buffer *bytes.Buffer, dst []byte) error {
	file, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	buffer.Reset()
	if n, err := buffer.ReadFrom(io.LimitReader(file, maxPictureFile+1)); err != nil {
		return err
	} else if n > maxPictureFile {
		return fmt.Errorf("more than %d bytes: want a smaller file", maxPictureFile)
	} else if n == 0 {
		return errors.New("is empty: want a picture")
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(buffer.Bytes()))
	if errors.Is(err, image.ErrFormat) {
		return fmt.Errorf("no picture that can be read, %w: want PNG, JPEG or GIF", err)
	}
	if err != nil {
		return fmt.Errorf("%w: the %s file is damaged", err, strings.ToUpper(format))
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return fmt.Errorf("%d×%d pixels: want at most %d million", config.Width, config.Height, maxPixels/1_000_000)
	}
	decoded, _, err := image.Decode(bytes.NewReader(buffer.Bytes())) // the first picture of an animation
	if err != nil {
		return fmt.Errorf("%w: the %s file is damaged or ends early", err, strings.ToUpper(format))
	}
	copy(dst, reduce(decoded))
	return nil
}

// reduce returns the square in the middle of a picture, on white, reduced to an image.
func reduce(picture image.Image) []byte {
	bounds := picture.Bounds()
	side := min(bounds.Dx(), bounds.Dy())
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-side)/2, (bounds.Dy()-side)/2))
	row := image.NewRGBA(image.Rect(0, 0, side, 1))
	reduction := data.NewReduction(side)
	for y := range side {
		draw.Draw(row, row.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(row, row.Rect, picture, corner.Add(image.Pt(0, y)), draw.Over)
		reduction.Add(row.Pix)
	}
	return reduction.Image()
}
