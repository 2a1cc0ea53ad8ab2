package browser

import (
	"errors"
	"syscall/js"
)

// ErrHidden reports that the browser does not tell pages what is on a canvas, lest they
// recognise it by how it draws.
var ErrHidden = errors.New("this browser scrambles what pages read from a canvas (in Firefox, privacy.resistFingerprinting does); allow this page to, by the icon in the address bar, or switch that off")

// CanvasTells returns nil where what is read from a canvas is what is on it, [ErrHidden]
// where it is not: known pixels are written and read back. Browsers that change a pixel
// here and there by a shade or two count as telling.
func CanvasTells() (err error) {
	defer Catch(&err)
	const side, shades = 16, 8
	want := make([]byte, 4*side*side)
	for i := range want {
		want[i] = byte(37 * i)
		if i%4 == 3 {
			want[i] = 255 // opaque: the others are kept as they are
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
