package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// ownPicture returns a picture of a class as a PNG or JPEG file.
func ownPicture(class, i int) (name string, content []byte) {
	bitmap := image.NewRGBA(image.Rect(0, 0, 40+i%9, 48))
	for y := range bitmap.Rect.Dy() {
		for x := range bitmap.Rect.Dx() {
			bitmap.Set(x, y, color.RGBA{byte(60 * class), byte(5*x + i), byte(4*y + 3*i), 255})
		}
	}
	var file bytes.Buffer
	if i%2 == 0 {
		png.Encode(&file, bitmap)
		return fmt.Sprintf("%d.png", i), file.Bytes()
	}
	jpeg.Encode(&file, bitmap, nil)
	return fmt.Sprintf("%d.JPG", i), file.Bytes()
}

// dropFiles drops files or folders of this machine on the page, as a user does.
func (p *page) dropFiles(paths ...string) {
	p.tb.Helper()
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{
				Type: kind, X: 300, Y: 400,
				Data: &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1},
			})
			return err
		}))
	}
}

// A dropped folder becomes a data set, trains, and is there on the next visit. What cannot be
// read is listed, names are shown as they are, and a deleted data set comes back.
func TestOwnPictures(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "animals")
	write := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	classes := []string{"<b>owls", "cats", "dogs", "שלום"}
	for class, folder := range classes {
		for i := range 50 {
			name, content := ownPicture(class, i)
			write(filepath.Join(folder, name), content)
		}
	}
	_, whole := ownPicture(1, 70)
	huge := bytes.Clone(whole)
	copy(huge[16:], "\x00\x00\x75\x30\x00\x00\x75\x30") // 30,000 × 30,000
	write("cats/huge.png", huge)
	write("cats/<img src=x onerror=alert(1)>\u202e.png", whole[:len(whole)/2])
	write("readme.txt", []byte("text"))

	p := newSite(t, false).openDemo(t, desktop)
	p.dropFiles(dir)
	waitFor[bool](p, `sae.state().dataset.name === "animals"`)
	set := evaluate[string](p, `{ const { train, validation, classes } = sae.state().dataset; [train, validation, ...classes].join() }`)
	if want := "167,33," + strings.Join(classes, ","); set != want {
		t.Errorf("data set %s, want %s", set, want)
	}
	text := waitFor[string](p, `document.querySelector("#data h3").innerText === "animals" && document.querySelector("#data").textContent`)
	for _, want := range []string{"200 pictures, 4 classes: 167 training, 33 validation.", "3 files were skipped", "30000×30000 pixels", "a damaged PNG file", "<img src=x onerror", "not a picture by its name"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel says %q, want %q in it", text, want)
		}
	}
	p.screenshot("own-pictures")
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 1, workers: 1, batch: 32}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().history.length === 1`)

	p.do(chromedp.Navigate(string(p.site) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	if name := evaluate[string](p, `sae.state().dataset.name`); name != "animals" {
		t.Errorf("data set of the next visit: %q", name)
	}

	// Deleted, and brought back.
	p.at("data")
	button := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#data button, .toast button")].find(({ innerText }) => innerText === %q).click()`, text)
	}
	evaluate[chromedp.Void](p, button("Delete"))
	waitFor[bool](p, `sae.state().dataset.name === "Synthetic" && document.querySelector(".toast").innerText.includes("Deleted animals.")`)
	evaluate[chromedp.Void](p, button("Undo"))
	waitFor[bool](p, `sae.state().dataset.name === "animals"`)

	// Renamed, for the next visit too.
	evaluate[chromedp.Void](p, `{
		const name = document.querySelector("#data input[type=text]");
		name.value = "Zoo";
		name.dispatchEvent(new Event("change", { bubbles: true }));
	}`)
	waitFor[bool](p, `sae.state().dataset.name === "Zoo" && sae.state().dataset.train === 167`)
	p.do(chromedp.Navigate(string(p.site) + demo + "#data"))
	p.do(chromedp.Reload())
	waitFor[bool](p, `"sae" in window && sae.state().dataset.name === "Zoo"`)

	// An archive, with files that are packed and others that are not.
	archive := filepath.Join(t.TempDir(), "more.zip")
	var content bytes.Buffer
	w := zip.NewWriter(&content)
	for i := range 24 {
		name, picture := ownPicture(i%2, i)
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("more/%d/%s", i%2, name), Method: []uint16{zip.Store, zip.Deflate}[i%2]})
		if err != nil {
			t.Fatal(err)
		}
		f.Write(picture)
	}
	w.Close()
	if err := os.WriteFile(archive, content.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	// With the storage full, it is for this visit only, and what was kept before stays.
	p.quota(3000)
	p.setFiles("#pictures", archive)
	waitFor[bool](p, `sae.state().dataset.name === "more" && sae.state().dataset.train === 20`)
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes("for this visit only")`)
	p.quota(0)
	// While a folder is searched, another one waits, and a reload leaves what was kept.
	evaluate[chromedp.Void](p, `{
		const endless = { isDirectory: true, name: "endless", createReader: () => ({ readEntries() {} }) };
		DataTransferItem.prototype.webkitGetAsEntry = () => endless;
	}`)
	p.dropFiles(dir)
	p.dropFiles(dir)
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes("Another data set is still being read")`)
	p.do(chromedp.Reload())
	waitFor[bool](p, `"sae" in window && sae.state().dataset.name === "Zoo"`)
	// A second page keeps another data set: deleting this one leaves that.
	second := p.site.openIn(t, p.ctx, demo, desktop)
	waitFor[bool](second, `"sae" in window && sae.state().dataset.name === "Zoo"`)
	second.setFiles("#pictures", archive)
	waitFor[bool](second, `sae.state().dataset.name === "more"`)
	p.at("data")
	evaluate[chromedp.Void](p, button("Delete"))
	waitFor[bool](p, `sae.state().dataset.name === "Synthetic"`)
	p.do(chromedp.Reload())
	waitFor[bool](p, `"sae" in window && sae.state().dataset.name === "more"`)
	// Too few, from a script.
	if got := rejection(p, `sae.loadDataset([new File(["x"], "a/1.png"), new File([], "b/2.jpg")])`); !strings.Contains(got, "2 files, 0 pictures that can be used: want at least 20. Skipped, for example: b/2.jpg (an empty file)") {
		t.Error(got)
	}
	if name := evaluate[string](p, `sae.state().dataset.name`); name != "more" {
		t.Errorf("the data set is %q", name)
	}
}
