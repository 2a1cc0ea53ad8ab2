package data

import (
	"path"
	"slices"
	"strings"
)

// What the names of files and folders of pictures tell, here for all programs.

// formats are formats of pictures by the endings of their names, as users know them.
var formats = map[string]string{
	".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".apng": "PNG", ".gif": "GIF",
	".webp": "WebP", ".bmp": "BMP", ".avif": "AVIF", ".heic": "HEIC", ".heif": "HEIC", ".tif": "TIFF", ".tiff": "TIFF",
	".jxl": "JPEG XL", ".svg": "SVG",
}

// PictureFormat names the format of a picture by the ending of its name: "HEIC". It is "" for
// other files.
func PictureFormat(name string) string { return formats[strings.ToLower(path.Ext(name))] }

// IsPicture reports whether a file has the name of a picture that a data set may have: one of
// pixels, so none in SVG.
func IsPicture(name string) bool {
	format := PictureFormat(name)
	return format != "" && format != "SVG"
}

// IsHidden reports whether a system or an archiver added a file, or a folder that it is in.
func IsHidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") || part == "__MACOSX" || part == "Thumbs.db" || part == "desktop.ini"
	})
}

// Names of folders that divide a data set, in lower case.
var (
	TrainFolders      = []string{"train", "training"}
	ValidationFolders = []string{"val", "valid", "validation"}
	TestFolders       = []string{"test", "testing"}
)
