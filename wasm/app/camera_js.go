package app

import (
	"fmt"
	"syscall/js"

	"sae/wasm/browser"
)

// openCamera shows the camera's picture in a dialog, and explores it if the user takes it.
// Closing the dialog turns the camera off.
func (a *app) openCamera() {
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
	go func() {
		stream, err := browser.Await(asked)
		if err == nil {
			err = browser.Try(func() { a.show(stream) })
		}
		if err != nil {
			a.noCamera(err.Error())
		}
	}()
}

// show shows the camera's stream until the user closes the dialog.
func (a *app) show(stream js.Value) {
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
	dialog.Call("showModal")
	<-closed
	if dialog.Get("returnValue").String() == "take" {
		a.usePicture("The camera's picture", "video", video)
	}
}

func (a *app) noCamera(why string) {
	a.do(func() {
		a.page.Messages.Notify("There is no camera to use", fmt.Sprintf("%s. Choose, drop or paste a picture instead.", why))
	})
}
