package pictures

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of an archive.
const (
	maxDirectory = 16 << 20 // bytes of its list of files
	maxGrowth    = 100      // times its size, that what is read of it may unpack to
	freeGrowth   = 64 << 20 // bytes that it may unpack to in any case
)

// IsZip reports whether a file is a zip archive, by its start.
func IsZip(start []byte) bool {
	return strings.HasPrefix(string(start[:min(len(start), 4)]), "PK\x03\x04")
}

// archive is a zip archive.
type archive struct {
	files    []*zip.File
	unpacked int64 // bytes
	most     int64
}

// openArchive reads the list of files in an archive of a size in bytes.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	limited := &limitedReaderAt{r, maxDirectory}
	content, err := zip.NewReader(limited, size)
	if err != nil {
		return nil, fmt.Errorf("a damaged zip archive: %w", err)
	}
	limited.left = 1 << 62 // from here on, the files are read
	a := &archive{most: maxGrowth*size + freeGrowth}
	for _, file := range content.File {
		if !strings.HasSuffix(file.Name, "/") {
			a.files = append(a.files, file)
		}
	}
	if len(a.files) > MaxFiles {
		return nil, ErrTooMany
	}
	return a, nil
}

// open opens a file of the archive. Reading fails once the archive has unpacked to far more
// than pictures do.
func (a *archive) open(file *zip.File) (io.ReadCloser, error) {
	if file.Flags&1 != 0 {
		return nil, errors.New("encrypted: want an archive without a password")
	}
	content, err := file.Open()
	if err != nil {
		return nil, err
	}
	return &unpacking{ReadCloser: content, archive: a}, nil
}

type unpacking struct {
	io.ReadCloser
	archive *archive
	n       int64
}

func (u *unpacking) Read(buffer []byte) (int, error) {
	if u.n > MaxBytes {
		return 0, errTooLarge
	}
	if u.archive.unpacked > u.archive.most {
		return 0, errBomb
	}
	n, err := u.ReadCloser.Read(buffer)
	u.n += int64(n)
	u.archive.unpacked += int64(n)
	return n, err
}

// errBomb reports an archive that unpacks to far more than pictures do.
var errBomb = fmt.Errorf("the archive unpacks to more than %d times its size: it does not hold pictures", maxGrowth)

type limitedReaderAt struct {
	io.ReaderAt
	left int64
}

func (l *limitedReaderAt) ReadAt(buffer []byte, offset int64) (int, error) {
	if l.left -= int64(len(buffer)); l.left < 0 {
		return 0, fmt.Errorf("its list of files is longer than %d MB", maxDirectory>>20)
	}
	return l.ReaderAt.ReadAt(buffer, offset)
}
