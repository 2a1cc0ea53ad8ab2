package fit

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"sae/tools/bounds"
)

// readBound is how many bytes reading and resuming a file of n bytes may allocate: an
// empty entry of the history takes 3 bytes as JSON and 96 in memory, and slices grow
// by doubling.
func readBound(n int) int { return 4<<20 + 400*n }

// FuzzReadCheckpoint verifies that a file is rejected, or can be resumed and written
// again with the same content.
func FuzzReadCheckpoint(f *testing.F) {
	f.Add(checkpointFile(f))
	f.Add([]byte(Magic))
	data := someData(50, 20)
	f.Fuzz(func(t *testing.T, file []byte) { read(t, file, data) })
}

// FuzzCheckpointHeader is FuzzReadCheckpoint with correct checksums, which random
// changes would hardly ever hit.
func FuzzCheckpointHeader(f *testing.F) {
	file := checkpointFile(f)
	length := binary.LittleEndian.Uint32(file[12:])
	arrays := file[16+length+4 : len(file)-4]
	f.Add(file[16:16+length], arrays)
	f.Add([]byte(`{"inputDims":30,"settings":{"experiment":1}}`), arrays[:100])
	data := someData(50, 20)
	f.Fuzz(func(t *testing.T, header, arrays []byte) {
		file := binary.LittleEndian.AppendUint32([]byte(Magic), version)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
		file = append(file, header...)
		file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(header, castagnoli))
		file = append(file, arrays...)
		read(t, binary.LittleEndian.AppendUint32(file, crc32.Checksum(arrays, castagnoli)), data)
	})
}

func read(t *testing.T, file []byte, data Data) {
	var c *Checkpoint
	bounds.Hold(t, readBound(len(file)), func() {
		var err error
		if c, err = ReadCheckpoint(bytes.NewReader(file)); err != nil {
			c = nil
		}
	})
	if c == nil {
		return
	}
	var again bytes.Buffer
	if err := c.Write(&again); err != nil {
		t.Fatal(err)
	}
	if same, err := ReadCheckpoint(&again); err != nil || !reflect.DeepEqual(same, c) {
		t.Errorf("written again, %+v becomes %+v: %v", c, same, err)
	}
	bounds.Hold(t, readBound(len(file)), func() {
		r, err := Resume(c, data, nil)
		if err != nil {
			return
		}
		for range 2 {
			if r.Done() || next(r) != nil { // it may diverge
				return
			}
		}
	})
}
