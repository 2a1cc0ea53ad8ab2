package state

import (
	"testing"

	"sae/wasm/protocol"
)

func TestPictures(t *testing.T) {
	page, worker := open(t)
	watched := func() []int {
		t.Helper()
		for i := len(worker.sent) - 1; i >= 0; i-- {
			if worker.sent[i].Type == protocol.TypeWatch {
				watch, err := protocol.Decode[protocol.Watch](worker.sent[i])
				if err != nil {
					t.Fatal(err)
				}
				return watch.Images
			}
		}
		t.Fatal("nothing is watched")
		return nil
	}
	first := watched()
	if len(first) != PictureCount {
		t.Fatalf("%d pictures, want %d", len(first), PictureCount)
	}
	for i, image := range first {
		if image != i {
			t.Errorf("picture %d is image %d, want the first of class %d", i, image, i)
		}
	}
	page.Pictures.Others()
	seen := map[int]bool{}
	for _, image := range watched() {
		if image < 0 || image >= validationImages || seen[image] {
			t.Errorf("other pictures %v: want different validation images", watched())
		}
		seen[image] = true
	}
	page.Pictures.First()
	if got := watched(); got[0] != first[0] || page.Pictures.Shuffled {
		t.Errorf("pictures %v, want %v again", got, first)
	}
}

// Pictures are known by their names too: browsers give no type to what they cannot open.
func TestPictureFormats(t *testing.T) {
	for _, test := range []struct{ name, mediaType, format, unreadable string }{
		{"IMG_0001.HEIC", "", "HEIC", "This browser can't open HEIC. Try JPEG or PNG."},
		{"a.b.tiff", "image/tiff", "TIFF", "This browser can't open TIFF. Try JPEG or PNG."},
		{"pasted", "image/x-icon", "X-ICON", "This browser can't open X-ICON. Try JPEG or PNG."},
		{"me.jpg", "image/jpeg", "JPEG", "me.jpg is damaged or empty. Try another picture."},
		{"data.bin", "application/octet-stream", "", ""},
		{"png", "", "", ""},
	} {
		if got := PictureFormat(test.name, test.mediaType); got != test.format {
			t.Errorf("%s of type %q is %q, want %q", test.name, test.mediaType, got, test.format)
		}
		if got := Unreadable(test.name, test.format); test.format != "" && got != test.unreadable {
			t.Errorf("%s: %q, want %q", test.name, got, test.unreadable)
		}
	}
}
