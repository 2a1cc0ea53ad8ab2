package worker

import (
	"fmt"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// maxPictures is the most validation images that a command can ask for: many more than
// are ever shown.
const maxPictures = 500

// check returns an error for too many images or one that does not exist.
func (w *Worker) check(command protocol.Type, images []int) error {
	if w.dataset == nil {
		return fmt.Errorf("%s: there is no data set; load one first", command)
	}
	if len(images) > maxPictures {
		return fmt.Errorf("%s: %d images: want at most %d", command, len(images), maxPictures)
	}
	for _, image := range images {
		if n := w.dataset.Validation.Len(); image < 0 || image >= n {
			return fmt.Errorf("%s: image %d: want one of the %d validation images", command, image, n)
		}
	}
	return nil
}

// pixels returns the bytes of validation images.
func (w *Worker) pixels(images []int) []byte {
	pixels := make([]byte, 0, len(images)*data.ImageSize)
	for _, image := range images {
		pixels = append(pixels, w.dataset.Validation.Image(image)...)
	}
	return pixels
}

func (w *Worker) images(command protocol.Images, m protocol.Message) (protocol.Message, error) {
	if err := w.check(m.Type, command.Images); err != nil {
		return protocol.Message{}, err
	}
	return protocol.New("", protocol.Pictures{Pixels: w.pixels(command.Images)}), nil
}

// evaluated returns the last evaluation. It evaluates the model if there is none.
func (w *Worker) evaluated(command protocol.Type) (*nn.Evaluation, error) {
	if err := w.model(command); err != nil {
		return nil, err
	}
	r := w.run
	if r.evaluation == nil {
		if err := r.evaluate(); err != nil {
			return nil, fmt.Errorf("%s: %w", command, r.fail(w, err))
		}
	}
	return r.evaluation, nil
}

func (w *Worker) unit(command protocol.Unit, m protocol.Message) (protocol.Message, error) {
	evaluation, err := w.evaluated(m.Type)
	if err != nil {
		return protocol.Message{}, err
	}
	if latent := w.run.Auto.Architecture.LatentDims; command.Unit < 0 || command.Unit >= latent {
		return protocol.Message{}, fmt.Errorf("unit: %d: want one of the %d latent units", command.Unit, latent)
	}
	r := w.run
	if err := r.Collect(); err != nil {
		return protocol.Message{}, fmt.Errorf("unit: %w", r.fail(w, err))
	}
	unit := analysis.NewUnit(r.Auto, evaluation.Codes, command.Unit, topImages)
	detail := protocol.UnitDetail{Unit: unit}
	for _, image := range unit.Top {
		part, err := r.Part(w.dataset.Validation.Image(image), command.Unit)
		if err != nil {
			return protocol.Message{}, fmt.Errorf("unit: %w", r.fail(w, err))
		}
		detail.Pictures = append(detail.Pictures, part...)
	}
	images := r.Validation()
	images = images[:min(len(images), ablationImages*data.ImageSize)]
	if detail.Ablation, err = analysis.Ablate(r.Trainer, r.Auto, images, command.Unit); err != nil {
		return protocol.Message{}, fmt.Errorf("unit: %w", r.fail(w, err))
	}
	return protocol.New("", detail), nil
}

// ablationImages is the most validation images on which a unit is ablated: more would take
// longer than a reader waits.
const ablationImages = 500

// maxNote is the length of the longest note, in bytes: many more than a page lets a
// reader write.
const maxNote = 4000

// note writes a note on a unit, which is saved at once.
func (w *Worker) note(note protocol.Note, m protocol.Message) (protocol.Message, error) {
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	switch latent := r.Auto.Architecture.LatentDims; {
	case note.Unit < 0 || note.Unit >= latent:
		return protocol.Message{}, fmt.Errorf("note: unit %d: want one of the %d latent units", note.Unit, latent)
	case len(note.Text) > maxNote:
		return protocol.Message{}, fmt.Errorf("note: %d bytes: want at most %d", len(note.Text), maxNote)
	}
	if r.Notes == nil {
		r.Notes = map[int]string{}
	}
	if r.Notes[note.Unit] = note.Text; note.Text == "" {
		delete(r.Notes, note.Unit)
	}
	r.noted++
	w.nextSave = time.Time{}
	return protocol.Message{}, nil
}

// topImages is the number of images that show what activates a unit.
const topImages = 9

// codeMap projects the codes of the validation images on a plane.
func (w *Worker) codeMap(_ nothing, m protocol.Message) (protocol.Message, error) {
	evaluation, err := w.evaluated(m.Type)
	if err != nil {
		return protocol.Message{}, err
	}
	points, err := analysis.Map(evaluation.Codes, w.run.Auto.Architecture.LatentDims, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	return protocol.New("", protocol.Map{Points: points}), nil
}

// unusual compares an image with the validation images.
func (w *Worker) unusual(picture protocol.Pictures, m protocol.Message) (protocol.Message, error) {
	if err := w.takes(picture, m); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	if r.settings.Patch != 0 {
		return protocol.Message{}, fmt.Errorf("unusual: patch %d: want 0, because whole images are compared", r.settings.Patch)
	}
	if err := r.Collect(); err != nil {
		return protocol.Message{}, fmt.Errorf("unusual: %w", r.fail(w, err))
	}
	rarity, err := analysis.Compare(r.Trainer, picture.Pixels, w.dataset.Validation.Images)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("unusual: %w", r.fail(w, err))
	}
	return protocol.New("", rarity), nil
}
