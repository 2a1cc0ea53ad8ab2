// Package cifar10 tells whether records are those of CIFAR-10.
package cifar10

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
)

// Sums are the MD5s of batches, by name: of their records in the binary version's
// layout, a label and three planes each.
type Sums map[string]string

// Official are the sums of CIFAR-10's batches, 10,000 records each.
var Official = Sums{
	"data_batch_1": "5dd7e06a14cb22eb9f671a540d1b7c25",
	"data_batch_2": "5ea93a67294ea407fff1d09f752e9692",
	"data_batch_3": "942cd6a4bcdd0dd3c604fbe906cb4421",
	"data_batch_4": "ae636b3ba5c66a11e91e8cb52e771fcb",
	"data_batch_5": "53f37980c15c3d472c316c40844f3f0d",
	"test_batch":   "803d5f7f4d78ea53de84dbe85f74fb6d",
}

// Names returns the names of the batches, in order.
func (s Sums) Names() []string {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Check compares records with sums, as they are read.
type Check struct {
	sums   Sums
	hashes map[string]hash.Hash
}

// NewCheck returns a check for which no record has been read.
func (s Sums) NewCheck() *Check { return &Check{s, map[string]hash.Hash{}} }

// Record adds a record to its batch. It fits data.ImportOptions.
func (c *Check) Record(batch string, label byte, planar []byte) {
	h := c.hashes[batch]
	if h == nil {
		h = md5.New()
		c.hashes[batch] = h
	}
	h.Write([]byte{label})
	h.Write(planar)
}

// Err returns an error unless each batch was read and has its sum.
func (c *Check) Err() error {
	for _, name := range c.sums.Names() {
		h := c.hashes[name]
		if h == nil {
			return fmt.Errorf("%s is missing", name)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != c.sums[name] {
			return fmt.Errorf("%s: MD5 of its records is %s, want %s: it is damaged", name, got, c.sums[name])
		}
	}
	return nil
}
