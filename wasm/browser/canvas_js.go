package browser

import (
	"errors"
	"syscall/js"
)

// ErrHidden reports that the browser falsifies what pages read from a canvas, to prevent
// fingerprinting.
var ErrHidden = errors.New("this browser scrambles what pages read from a canvas (in Firefox, privacy.resistFingerprinting does); allow this page to, by the icon in the address bar, or open it in another browser")

// CanvasTells returns [ErrHidden] if pixels that it writes to a canvas and reads back
// differ. Small differences, which some browsers add, are accepted.
func CanvasTells() (err error) {
	defer Catch(&err)
	const side, shades = 16, 8
	want := make([]byte, 4*side*side)
	for i := range want {
		want[i] = byte(37 * i)
		if i%4 == 3 {
			want[i] = 255 // opaque, so that the colors are stored exactly
		}
	}
	array := js.Global().Get("Uint8ClampedArray").New(len(want))
	js.CopyBytesToJS(array, want)
	context := js.Global().Get("OffscreenCanvas").New(side, side).Call("getContext", "2d")
	context.Call("putImageData", js.Global().Get("ImageData").New(array, side, side), 0, 0)
	got := make([]byte, len(want))
	js.CopyBytesToGo(got, context.Call("getImageData", 0, 0, side, side).Get("data"))
	for i := range want {
		if difference := int(got[i]) - int(want[i]); difference < -shades || difference > shades {
			return ErrHidden
		}
	}
	return nil
}
