package data

import "testing"

func TestNames(t *testing.T) {
	for name, want := range map[string]struct {
		format          string
		picture, hidden bool
	}{
		"a/b.JPG":            {"JPEG", true, false},
		"b.heic":             {"HEIC", true, false},
		"logo.svg":           {"SVG", false, false},
		"notes.txt":          {"", false, false},
		"1":                  {"", false, false},
		"":                   {"", false, false},
		"a/.DS_Store":        {"", false, true},
		"__MACOSX/a/._1.png": {"PNG", true, true},
		".git/1.png":         {"PNG", true, true},
		"a/Thumbs.db":        {"", false, true},
		"a.b/1.png":          {"PNG", true, false},
	} {
		if PictureFormat(name) != want.format || IsPicture(name) != want.picture || IsHidden(name) != want.hidden {
			t.Errorf("%q: %q, a picture: %v, hidden: %v", name, PictureFormat(name), IsPicture(name), IsHidden(name))
		}
	}
}
