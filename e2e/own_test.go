package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	mathbits "math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"sae/data"
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

// archiveOfPictures writes an archive of a folder with pictures in two classes, every other
// one of which is packed, and returns its path.
func archiveOfPictures(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), folder+".zip")
	var content bytes.Buffer
	w := zip.NewWriter(&content)
	for i := range 24 {
		name, picture := ownPicture(i%2, i)
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%s/%d/%s", folder, i%2, name), Method: []uint16{zip.Store, zip.Deflate}[i%2]})
		if err != nil {
			t.Fatal(err)
		}
		f.Write(picture)
	}
	w.Close()
	if err := os.WriteFile(path, content.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
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
	archive := archiveOfPictures(t, "more")
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

// cmykJPEG returns a JPEG file of 16×16 pixels of one colour in CMYK, as Adobe's programs
// write it: inverted, with 255 for no ink. Other encoders at hand write none.
func cmykJPEG(inverted [4]byte) []byte {
	var file bytes.Buffer
	segment := func(marker byte, content ...byte) {
		file.Write([]byte{0xff, marker, byte((len(content) + 2) >> 8), byte(len(content) + 2)})
		file.Write(content)
	}
	file.Write([]byte{0xff, 0xd8})
	segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), 0)...)              // no transform
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...)               // so that a mean of 1 is a coefficient of 1
	segment(0xc0, 8, 0, 16, 0, 16, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0) // 16×16 pixels, 4 components
	segment(0xc4, append([]byte{0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	segment(0xc4, append([]byte{0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0)...)
	segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	bits, n := 0, 0
	write := func(value, length int) {
		for length--; length >= 0; length-- {
			bits, n = bits<<1|value>>length&1, n+1
			if n == 8 {
				if file.WriteByte(byte(bits)); byte(bits) == 0xff {
					file.WriteByte(0)
				}
				bits, n = 0, 0
			}
		}
	}
	for block := range 4 {
		for _, value := range inverted {
			difference := 0 // from the block before
			if block == 0 {
				difference = int(value) - 128
			}
			size := mathbits.Len(uint(max(difference, -difference)))
			write(size, 4)
			if difference < 0 {
				difference += 1<<size - 1
			}
			write(difference, size)
			write(0, 1) // no other coefficients
		}
	}
	write(127, 7)
	file.Write([]byte{0xff, 0xd9})
	return file.Bytes()
}

// oddPictures returns pictures of unusual kinds by their paths, in classes of their own, with
// the colour that each is to have.
func oddPictures(tb testing.TB) (files map[string][]byte, colours map[string][3]byte) {
	encode := func(write func(*bytes.Buffer) error) []byte {
		var file bytes.Buffer
		if err := write(&file); err != nil {
			tb.Fatal(err)
		}
		return file.Bytes()
	}
	filled := func(c color.Color) *image.Paletted {
		return image.NewPaletted(image.Rect(0, 0, 40, 40), color.Palette{c})
	}
	red, blue := filled(color.RGBA{255, 0, 0, 255}), filled(color.RGBA{0, 0, 255, 255})
	animation := encode(func(file *bytes.Buffer) error {
		return gif.EncodeAll(file, &gif.GIF{Image: []*image.Paletted{red, blue}, Delay: []int{1, 1}})
	})
	half := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range half.Pix {
		half.Pix[i] = []byte{0, 0, 0, 128}[i%4]
	}
	transparent := encode(func(file *bytes.Buffer) error { return png.Encode(file, half) })
	cmyk := cmykJPEG([4]byte{255, 0, 0, 255}) // magenta and yellow
	if _, err := jpeg.Decode(bytes.NewReader(cmyk)); err != nil {
		tb.Fatal(err)
	}
	return map[string][]byte{
			"animation/1.gif": animation, "transparent/1.png": transparent, "cmyk/1.jpg": cmyk,
			"cmyk/photo.heic": []byte("\x00\x00\x00\x18ftypheic........ispe\x00\x00\x00\x00\x00\x00\x0f\xc0\x00\x00\x0b\xd0...."),
			"cmyk/early.jpg":  cmyk[:len(cmyk)/3],
		}, map[string][3]byte{
			"animation": {255, 0, 0}, "transparent": {127, 127, 127}, "cmyk": {255, 0, 0},
		}
}

// kept returns the data set that is stored for the next visit.
func (p *page) kept() *data.Dataset {
	p.tb.Helper()
	text := evaluate[string](p, `(async () => {
		const root = await navigator.storage.getDirectory();
		const bytes = new Uint8Array(await (await (await root.getFileHandle("dataset.sae")).getFile()).arrayBuffer());
		return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
	})()`)
	file, err := hex.DecodeString(text)
	if err != nil {
		p.tb.Fatal(err)
	}
	dataset, err := data.Read(bytes.NewReader(file))
	if err != nil {
		p.tb.Fatal(err)
	}
	return dataset
}

// Of an animation, the first picture is used; what is transparent becomes white; CMYK has the
// colours that the browser shows. What it cannot open, or what ends early, is listed.
func TestOddPictures(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "odd")
	files, colours := oddPictures(t)
	for i := range 24 {
		name, content := ownPicture(i%2, i)
		files["plain/"+name] = content
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	p := newSite(t, false).openDemo(t, desktop)
	p.dropFiles(dir)
	text := waitFor[string](p, `document.querySelector("#data h3")?.innerText === "odd" && document.querySelector("#data").textContent`)
	for _, want := range []string{"2 files were skipped", "this browser can't open HEIC", "early.jpg"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel says %q, want %q in it", text, want)
		}
	}
	dataset := p.kept()
	for class, want := range colours {
		label, found := slices.Index(dataset.Classes, class), 0
		for _, split := range []data.Split{dataset.Train, dataset.Validation} {
			for i := range split.Len() {
				if int(split.Labels[i]) != label {
					continue
				}
				found++
				for at, value := range split.Image(i) {
					if difference := int(value) - int(want[at%3]); difference < -3 || difference > 3 {
						t.Errorf("%s: the colour %v, want %v", class, split.Image(i)[:3], want)
						break
					}
				}
			}
		}
		if found != 1 {
			t.Errorf("%d pictures of class %s", found, class)
		}
	}
}

// If what the browser stores fails at any place, the data set is there for the visit, a notice
// says so, and what was kept before stays. So it does if the page is reloaded while pictures
// are converted, or another tab opens meanwhile.
func TestKeepingFails(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	beforeWorkers(t, dir, `
		const fault = (object, name) => {
			const method = object.prototype[name];
			object.prototype[name] = function (...values) {
				return globalThis.failing === name ? Promise.reject(new DOMException("the disk is full", "QuotaExceededError")) : method.apply(this, values);
			};
		};
		fault(FileSystemWritableFileStream, "write");
		fault(FileSystemWritableFileStream, "close");
		fault(FileSystemFileHandle, "createWritable");
		fault(StorageManager, "getDirectory");
		const decode = createImageBitmap;
		createImageBitmap = async (...values) => {
			while (globalThis.slow) await new Promise((resolve) => setTimeout(resolve, 50));
			return decode(...values);
		};
		new BroadcastChannel("faults").onmessage = ({ data }) => Object.assign(globalThis, data);`)
	p := openDemo(t, desktop)
	set := func(faults string) {
		evaluate[chromedp.Void](p, `{ const channel = new BroadcastChannel("faults"); channel.postMessage(`+faults+`); channel.close(); }`)
	}
	named := func(name string) string {
		return fmt.Sprintf(`"sae" in window && sae.state().dataset.name === %q`, name)
	}
	p.setFiles("#pictures", archiveOfPictures(t, "first"))
	waitFor[bool](p, named("first"))
	for _, call := range []string{"write", "close", "createWritable", "getDirectory"} {
		set(fmt.Sprintf(`{ failing: %q }`, call))
		p.setFiles("#pictures", archiveOfPictures(t, call))
		waitFor[bool](p, named(call))
		text := waitFor[string](p, `(({ innerText }) => innerText.includes("for this visit only") && innerText)(document.querySelector(".notice"))`)
		if !strings.Contains(text, "the disk is full. What was kept before is still there.") {
			t.Errorf("%s: notice %q", call, text)
		}
		p.do(chromedp.Reload())
		waitFor[bool](p, named("first"))
	}
	set(`{ slow: true }`)
	p.setFiles("#pictures", archiveOfPictures(t, "second"))
	waitFor[bool](p, `document.querySelector("#data").innerText.includes("Converting picture 1 of 24")`)
	second := openIn(t, p.ctx, "", desktop)
	waitFor[bool](second, named("first"))
	p.do(chromedp.Reload())
	waitFor[bool](p, named("first"))
}
