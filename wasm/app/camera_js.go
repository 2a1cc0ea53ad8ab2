package app

import (
	"fmt"
	"syscall/js"

	"sae/wasm/browser"
)

// openCamera shows the camera's picture in a dialog, and has use take what the user wants of
// it. Closing the dialog turns the camera off.
func (a *app) openCamera(use func(video js.Value, closed <-chan struct{})) {
	if a.camera { // a second click, while the browser asks the user
		return
	}
	devices := js.Global().Get("navigator").Get("mediaDevices")
	if !devices.Truthy() {
		a.noCamera("this page needs a secure address, https or localhost")
		return
	}
	var asked js.Value
	if err := browser.Try(func() { asked = devices.Call("getUserMedia", map[string]any{"video": true}) }); err != nil {
		a.noCamera(err.Error())
		return
	}
	a.camera = true
	go func() {
		defer func() { a.camera = false }()
		stream, err := browser.Await(asked)
		if err == nil {
			err = browser.Try(func() { show(stream, use) })
		}
		if err != nil {
			a.noCamera(err.Error())
		}
	}()
}

// show shows the camera's stream until the user closes the dialog.
func show(stream js.Value, use func(video js.Value, closed <-chan struct{})) {
	defer func() {
		tracks := stream.Call("getTracks")
		for i := range tracks.Length() {
			tracks.Index(i).Call("stop")
		}
	}()
	dialog, video := element("camera"), element("camera-video")
	video.Set("srcObject", stream)
	defer video.Set("srcObject", js.Null())
	dialog.Set("returnValue", "")
	closed := make(chan struct{})
	onClose := js.FuncOf(func(js.Value, []js.Value) any {
		close(closed)
		return nil
	})
	defer onClose.Release()
	dialog.Call("addEventListener", "close", onClose, map[string]any{"once": true})
	element("burst").Set("hidden", true)
	take := element("camera-take")
	take.Set("disabled", false)
	take.Set("textContent", "Take the picture")
	dialog.Call("showModal")
	use(video, closed)
}

// takePicture explores the camera's picture.
func (a *app) takePicture(video js.Value, closed <-chan struct{}) {
	if <-closed; element("camera").Get("returnValue").String() == "take" {
		a.usePicture("The camera's picture", "video", video)
	}
}

func (a *app) noCamera(why string) {
	a.do(func() {
		a.page.Messages.Notify("There is no camera to use", fmt.Sprintf("%s. Choose, drop or paste a picture instead.", why))
	})
}
