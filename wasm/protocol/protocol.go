// Package protocol defines every message between the page and its training worker.
//
// A message is a type, a JSON body, and buffers that contain the body's long lists and
// are transferred without copying. [New] makes a message of a body, and [Decode] returns
// the body.
//
// The page sends commands, each with an id. The worker answers each with a [TypeReply] of
// the same id once it has taken effect. It also sends [Ready] once, [Loading] while a data
// set is read, [Arrived] while the rest of one comes that is in use, [Saved] when the run was
// saved or could not be, and [Frame] when there is something new to show. The page
// acknowledges each frame by [Seen]. The worker sends the next frame only then, so a slow page
// does not slow training down, and no queue grows.
package protocol

import (
	"encoding/json"
	"fmt"

	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/pictures"
)

// Type is the type of a message.
type Type string

// Commands of the page.
const (
	// TypeLoad loads a data set; the body is a Load. The message may carry a File that
	// the user chose, or an array of them. The reply's body is a Dataset. For a data set of
	// the user, it carries the File with it in the compact format.
	TypeLoad Type = "load"
	// TypeCancel ends the TypeLoad that the worker is executing, which fails. It has no body.
	TypeCancel Type = "cancel"
	// TypeForget deletes the data set in use from the browser. It has no body. If it was
	// stored there, the reply carries it as a File.
	TypeForget Type = "forget"
	// TypeConfigure starts a new run; the body is a Configure.
	TypeConfigure Type = "configure"
	// TypeAdjust changes what can change within a run; the body is an Adjust. It and the
	// next three are answered after the current batch, with a Frame of the run's state.
	TypeAdjust Type = "adjust"
	// TypePlay trains until the run is done or paused.
	TypePlay Type = "play"
	// TypePause stops training after the current batch.
	TypePause Type = "pause"
	// TypeStep trains on one batch.
	TypeStep Type = "step"
	// TypePace sets the speed of TypePlay; the body is a Pace.
	TypePace Type = "pace"
	// TypeWatch sets the validation images in frames; the body is a Watch.
	TypeWatch Type = "watch"
	// TypeReconstruct runs one image through the autoencoder; the body and the reply's
	// body are a Pictures.
	TypeReconstruct Type = "reconstruct"
	// TypeEncode runs one image through the encoder, as fit.Run.Encode does; the body is a
	// Pictures, the reply's a Codes.
	TypeEncode Type = "encode"
	// TypeDecode runs one code through the decoder, as fit.Run.Decode does; the body is a
	// Codes, the reply's a Pictures.
	TypeDecode Type = "decode"
	// TypeExport exports the model; the body is an Export. The reply carries a File.
	TypeExport Type = "export"
	// TypeImport replaces the run by one from a File; the body is an Import, the
	// reply's an Imported. If the file is invalid, the run stays.
	TypeImport Type = "import"
	// TypeKeep makes the worker save its run under a slot, every few seconds while it
	// changes; the body is a Keep, the reply's a Left. The reply may take a while.
	TypeKeep Type = "keep"
	// TypeSave saves the run at once. It has no reply.
	TypeSave Type = "save"
	// TypeResume replaces the run by a saved one; the body is a Resume, the reply's
	// an Imported. If that fails, the run stays.
	TypeResume Type = "resume"
	// TypeDiscard deletes the save of a slot; the body is a Keep.
	TypeDiscard Type = "discard"
	// TypeImages returns validation images; the body is an Images, the reply's a
	// Pictures.
	TypeImages Type = "images"
	// TypeUnit describes a latent unit on the validation images; the body is a Unit,
	// the reply's a UnitDetail.
	TypeUnit Type = "unit"
	// TypeNote writes the user's note on a latent unit, kept with the run; the body is a
	// Note.
	TypeNote Type = "note"
	// TypeMap projects the codes of all validation images on their first two principal
	// components. It has no body; the reply's is a Map.
	TypeMap Type = "map"
	// TypeUnusual compares one image with the validation images; the body is a
	// Pictures, the reply's an analysis.Rarity.
	TypeUnusual Type = "unusual"
	// TypeBuildUp builds up the reconstruction of one image from its active units; the body
	// is a Pictures, the reply's a BuildUp.
	TypeBuildUp Type = "buildUp"
	// TypePCA computes how well principal components reconstruct the validation
	// images; the body is a PCA, the reply's a baseline.Quality.
	TypePCA Type = "pca"
	// TypePCACurve is TypePCA for 1, 2, 4, … and K components; the reply's body is an array of
	// baseline.Components.
	TypePCACurve Type = "pcaCurve"
	// TypeSeen acknowledges a frame; the body is a Seen. It has no reply.
	TypeSeen Type = "seen"
	// TypePing does nothing but reply.
	TypePing Type = "ping"
	// TypeBench trains a network as fast as possible; the body is a Bench, the reply's
	// a BenchResult.
	TypeBench Type = "bench"
	// TypeJoin makes a worker a member of the sender's team; the body is a Join, and
	// the message carries the Ports to the other members. Only an error is replied.
	TypeJoin Type = "join"
)

// Messages of the worker.
const (
	TypeReady   Type = "ready"   // body: Ready
	TypeReply   Type = "reply"   // body: depends on the command
	TypeLoading Type = "loading" // body: Loading
	TypeFrame   Type = "frame"   // body: Frame
	TypeSaved   Type = "saved"   // body: Saved
	TypeArrived Type = "arrived" // body: Arrived; after the reply to a TypeLoad with Partial, until all is there
	TypeDied    Type = "died"    // body: Died; sent by worker.js when the program ends
)

// Message is a message between page and worker.
type Message struct {
	Type    Type
	ID      int      // of the command, and of its reply; 0 for none
	Error   string   // of a reply: why the command failed; "" if it succeeded
	Body    []byte   // JSON
	Buffers [][]byte // the body's long lists
	File    any      // as a js.Value: in TypeLoad and TypeImport what the user opened, in a reply a Blob
	Ports   any      // in TypeJoin: an array of MessagePorts by rank, as a js.Value
}

// New returns a message. body is one of this package's types, or nil for none.
func New(t Type, body any) Message {
	body, buffers := pack(body)
	message := Message{Type: t, Buffers: buffers}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			// Only a number that is not finite gets here, and a run ends before it
			// sends one.
			panic(fmt.Sprintf("protocol: %s: %v", t, err))
		}
		message.Body = text
	}
	return message
}

// Decode returns the message's body as a T.
func Decode[T any](m Message) (body T, err error) {
	err = decodeBody(m, &body) // one function for all types, which the page loads
	return body, err
}

func decodeBody(m Message, body any) error {
	if err := json.Unmarshal(m.Body, body); err != nil {
		return fmt.Errorf("protocol: %s: %w", m.Type, err)
	}
	return unpack(m, body)
}

// Sources of a data set.
const (
	SourceSynthetic = "synthetic" // data.BuiltIn
	SourceSite      = "site"      // a compact file of the site, at Load.URL
	SourceKept      = "kept"      // the one that an earlier visit stored in the browser
	SourceFile      = "file"      // Message.File
)

// Load is the body of TypeLoad.
type Load struct {
	Source string `json:"source"`
	Name   string `json:"name"` // of the site's data set or the user's file
	URL    string `json:"url"`  // of the site's data set

	Keep  bool `json:"keep"`  // whether to store the user's file for the next visit
	Least int  `json:"least"` // fewest training images that the locked settings need

	Title string   `json:"title,omitempty"` // new name of the user's data set; "" for its own
	Paths []string `json:"paths,omitempty"` // of the pictures in the array File; null if it is one file
	Add   bool     `json:"add,omitempty"`   // whether the pictures are added to the data set, in the compact format, that follows them in File; to an empty one if that is null
}

// Dataset describes the data set in use.
type Dataset struct {
	Name       string   `json:"name"`
	Provenance string   `json:"provenance"`
	Source     string   `json:"source"`
	Train      int      `json:"train"`      // training images
	Validation int      `json:"validation"` // validation images
	Classes    []string `json:"classes"`
	MeanBCE    float64  `json:"meanBce"`  // validation BCE of the mean training image, in nats
	MeanMSE    float64  `json:"meanMse"`  // validation MSE of the mean training image
	Floor      float64  `json:"floor"`    // baseline.Floor of the validation images
	Checksum   uint32   `json:"checksum"` // as in fit.Fingerprint
	Kept       bool     `json:"kept"`     // whether it is stored for the next visit
	Unkept     string   `json:"unkept"`   // why it is not stored, though that was asked for; "" if it was
	Partial    bool     `json:"partial"`  // whether training images are yet to come; MeanBCE, MeanMSE and Checksum are then 0 until Arrived.All
	Labels     []byte   `json:"labels"`   // of the validation images

	Skipped pictures.List `json:"skipped"` // files that are not in it
}

func (d *Dataset) lists(v visitor) { v.bytes(&d.Labels) }

// Arrived tells how many training images are there and, once all are, what follows from
// them.
type Arrived struct {
	Images   int     `json:"images"` // training images that are there
	Error    string  `json:"error"`  // why the others do not come; the worker then has no data set
	All      bool    `json:"all"`    // whether the rest is there too
	MeanBCE  float64 `json:"meanBce"`
	MeanMSE  float64 `json:"meanMse"`
	Checksum uint32  `json:"checksum"`
}

// Configure is the body of TypeConfigure.
type Configure struct {
	Run      int                 `json:"run"` // number of the new run, which its frames have
	Settings experiment.Settings `json:"settings"`
	Queue    *Queue              `json:"queue"` // to save with the run; null for none
}

// Queue is a series of runs that are trained one after the other.
type Queue struct {
	Runs  []map[string]string `json:"runs"`  // changes of the settings, for each run to come
	Total int                 `json:"total"` // number of runs, including the completed ones and the current one
}

// Adjust is the body of TypeAdjust: new values of these settings, and the new queue.
type Adjust struct {
	Epochs  int    `json:"epochs"`
	Workers string `json:"workers"`
	Device  string `json:"device"`
	Queue   *Queue `json:"queue"`
}

// Join is the body of TypeJoin: a place in a team, and what it trains.
type Join struct {
	Rank         int             `json:"rank"` // from 1
	Size         int             `json:"size"` // of the team
	Architecture nn.Architecture `json:"architecture"`
	Adam         nn.Adam         `json:"adam"`
	Batch        int             `json:"batch"`
}

// Pace is the body of TypePace.
type Pace struct {
	PerSecond float64 `json:"perSecond"` // batches per second, each of which is explained; 0 for full speed without explanations
}

// Watch is the body of TypeWatch: indexes into the validation split.
type Watch struct {
	Images []int `json:"images"`
}

// Export is the body of TypeExport.
type Export struct {
	Format string `json:"format"` // name in exchange.Formats
}

// Import is the body of TypeImport.
type Import struct {
	Run      int                 `json:"run"`      // as in Configure
	Settings experiment.Settings `json:"settings"` // for what the file does not contain
	Locked   []string            `json:"locked"`   // settings that the file must not change
}

// Imported is the reply to TypeImport and TypeResume.
type Imported struct {
	Frame    Frame               `json:"frame"` // state of the new run
	Settings experiment.Settings `json:"settings"`
	Data     fit.Fingerprint     `json:"data"`   // of the images it was trained on; zero if unknown
	Same     bool                `json:"same"`   // whether those are the images in use
	Kernel   string              `json:"kernel"` // as in fit.Checkpoint; "" if unknown
	Notes    map[int]string      `json:"notes"`  // on latent units; null for none
}

// Keep is the body of TypeKeep and TypeDiscard.
type Keep struct {
	Slot string `json:"slot"` // a name that no other page uses
}

// LockName returns the name of the Web Lock that a page holds while it uses a slot.
func LockName(slot string) string { return "sae-slot-" + slot }

// Left is the reply to TypeKeep: the saved runs of pages that are closed, newest first.
type Left struct {
	Saves []Save `json:"saves"`
}

// Save describes a saved run.
type Save struct {
	Slot         string              `json:"slot"`
	Time         int64               `json:"time"` // when it was saved, in milliseconds since 1970
	Load         Load                `json:"load"` // command that loads its data set; a stored file has SourceKept
	Data         fit.Fingerprint     `json:"data"`
	Settings     experiment.Settings `json:"settings"`
	Kernel       string              `json:"kernel"` // as in fit.Checkpoint
	Epoch        int                 `json:"epoch"`  // as in Frame
	Batch        int                 `json:"batch"`
	TrainSeconds float64             `json:"trainSeconds"`
	Queue        *Queue              `json:"queue"` // as in Configure
}

// Resume is the body of TypeResume.
type Resume struct {
	Run   int     `json:"run"` // as in Configure
	Slot  string  `json:"slot"`
	LR    float64 `json:"lr"`    // new learning rate; 0 for the saved one
	Queue *Queue  `json:"queue"` // as in Configure
}

// Saved is the body of TypeSaved: the run was saved, or could not be.
type Saved struct {
	Run   int    `json:"run"`
	Epoch int    `json:"epoch"`
	Batch int    `json:"batch"`
	Error string `json:"error"` // why saving failed; "" if it succeeded
}

// Images is the body of TypeImages: indexes into the validation split.
type Images struct {
	Images []int `json:"images"`
}

// Unit is the body of TypeUnit.
type Unit struct {
	Unit int `json:"unit"` // from 0
}

// Note is the body of TypeNote.
type Note struct {
	Unit int    `json:"unit"` // from 0
	Text string `json:"text"` // "" for none
}

// UnitDetail is the reply to TypeUnit.
type UnitDetail struct {
	analysis.Unit
	analysis.Ablation        // on the first validation images
	Pictures          []byte // of the images in Top, as fit.Run.Part, [n, 3072], HWC
}

func (d *UnitDetail) lists(v visitor) {
	v.floats(&d.Activations)
	v.bytes(&d.Pictures)
}

// Pictures are the pixels of n images.
type Pictures struct {
	Pixels []byte `json:"pixels"` // [n, 3072], HWC
}

func (p *Pictures) lists(v visitor) { v.bytes(&p.Pixels) }

// BuildUp is the reply to TypeBuildUp: a fit.BuildUp.
type BuildUp struct {
	Counts []int  `json:"counts"`
	Units  []int  `json:"units"`
	Pixels []byte `json:"pixels"` // [len(Counts), 3072], HWC
}

func (b *BuildUp) lists(v visitor) { v.bytes(&b.Pixels) }

// Codes are the latent activations of n images.
type Codes struct {
	Codes []float32 `json:"codes"` // [n, latent]
}

func (c *Codes) lists(v visitor) { v.floats(&c.Codes) }

// Map is the reply to TypeMap.
type Map struct {
	Points []float32 `json:"points"` // [n, 2]
}

func (m *Map) lists(v visitor) { v.floats(&m.Points) }

// PCA is the body of TypePCA and TypePCACurve.
type PCA struct {
	K      int `json:"k"`      // number of components
	Images int `json:"images"` // number of training images to compute them from
}

// Seen is the body of TypeSeen.
type Seen struct {
	DisplayMS float64 `json:"displayMs"` // time that the page has worked since the frame before
}

// Ready is the body of TypeReady.
type Ready struct {
	Kernel string `json:"kernel"` // "relaxed-simd", "simd" or "go"
	Kept   string `json:"kept"`   // name of the data set that is stored in the browser; "" for none
}

// Loading is the progress of loading a data set.
type Loading struct {
	Stage string `json:"stage"` // shown to users: "Reading cifar-10-binary.tar.gz"
	Done  int64  `json:"done"`  // bytes, or pictures
	Total int64  `json:"total"` // of the same; 0 if unknown
}

// Status of a run.
type Status string

const (
	StatusIdle     Status = "idle"
	StatusTraining Status = "training"
	StatusPaused   Status = "paused"
	StatusDone     Status = "done"
	StatusError    Status = "error" // Frame.Failure says why
)

// Died is the body of TypeDied: why the worker's program ended.
type Died struct {
	Reason string `json:"reason"`
}

// Bench is the body of TypeBench.
type Bench struct {
	Layers      []int   `json:"layers"`
	LatentIndex int     `json:"latentIndex"`
	L1          float64 `json:"l1"`
	Batch       int     `json:"batch"`
	Epochs      int     `json:"epochs"` // timed epochs
	Warmup      int     `json:"warmup"` // epochs before the timed ones
	Images      int     `json:"images"` // per epoch
	LR          float64 `json:"lr"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Epsilon     float64 `json:"eps"`
	BudgetMS    float64 `json:"budgetMs"` // reduces the number of images if training would take longer; 0 for no limit
	Threads     int     `json:"threads"`  // most workers, of which the largest power of 2 is used; 0 for one
	Device      string  `json:"device"`   // "gpu" for the graphics card
	Data        []byte  `json:"data"`     // images, [Images or more, 3072], HWC
}

func (b *Bench) lists(v visitor) { v.bytes(&b.Data) }

// BenchResult is the reply to TypeBench.
type BenchResult struct {
	ImagesPerSecond float64   `json:"imagesPerSecond"` // imagesUsed / median of epochMs
	Loss            float64   `json:"loss"`            // mean of the last epoch
	ImagesUsed      int       `json:"imagesUsed"`
	EpochMS         []float64 `json:"epochMs"`
	Kernel          string    `json:"kernel"`
	Card            string    `json:"card"` // name of the graphics card that trained; "" for the workers
	Workers         int       `json:"workers"`
	Weights         string    `json:"weights"` // FNV-1a hash of the trained parameters: the same for any number of workers
}
